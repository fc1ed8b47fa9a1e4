// A thin client: it starts `kerascheck server`, says whether the workspace is trusted, and leaves the rest to it.
import { commands, ExtensionContext, window, workspace } from "vscode";
import { LanguageClient, LanguageClientOptions, ServerOptions } from "vscode-languageclient/node";

let client: LanguageClient | undefined;

async function start(): Promise<void> {
  const [command, ...args] = workspace.getConfiguration("kerascheck").get<string[]>("command") ?? [];
  if (!command) {
    void window.showErrorMessage("kerascheck: the setting kerascheck.command is empty");
    return;
  }
  const server: ServerOptions = { command, args };
  const options: LanguageClientOptions = {
    documentSelector: [
      { scheme: "file", language: "python" },
      { scheme: "untitled", language: "python" },
      { notebook: { notebookType: "jupyter-notebook" }, language: "python" },
    ],
    initializationOptions: { trusted: workspace.isTrusted },
    synchronize: { configurationSection: "kerascheck" },
  };
  client = new LanguageClient("kerascheck", "kerascheck", server, options);
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    void window.showErrorMessage(`kerascheck: the server does not start: ${error}; see the setting kerascheck.command`);
  }
}

async function stop(): Promise<void> {
  const running = client;
  client = undefined;
  await running?.stop();
}

async function restart(): Promise<void> {
  await stop();
  await start();
}

export async function activate(context: ExtensionContext): Promise<void> {
  context.subscriptions.push(
    commands.registerCommand("kerascheck.restart", restart),
    commands.registerCommand("kerascheck.confirmThisFile", async () => {
      const document = window.activeTextEditor?.document;
      if (document && client) {
        await commands.executeCommand("kerascheck.confirmFile", document.uri.toString());
      }
    }),
    workspace.onDidGrantWorkspaceTrust(restart), // the server is told at its start
    workspace.onDidChangeConfiguration(async (event) => {
      if (event.affectsConfiguration("kerascheck.command")) {
        await restart();
      }
    }),
  );
  await start();
}

export async function deactivate(): Promise<void> {
  await stop();
}
