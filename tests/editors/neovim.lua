-- Neovim 0.7 and later, headless: shows the findings of a file, applies one quick fix and then fix all, and saves.
-- Environment: KERASCHECK (the command, parts between "|"), ROOT, FILE, FIX (a code to fix first, or empty).
local root, file, wanted = vim.env.ROOT, vim.env.FILE, vim.env.FIX or ""
local function say(data) io.stdout:write(vim.fn.json_encode(data) .. "\n") end
vim.cmd("edit " .. vim.fn.fnameescape(file))
vim.bo.filetype = "python"
local buffer = vim.api.nvim_get_current_buf()
local id = vim.lsp.start_client({ name = "kerascheck", cmd = vim.split(vim.env.KERASCHECK, "|"), root_dir = root })
vim.lsp.buf_attach_client(buffer, id)
local function findings() return vim.diagnostic.get(buffer) end
local function wait(condition) return vim.wait(30000, condition, 20) end
local function codes()
  local found = {}
  for _, item in ipairs(findings()) do
    local data = item.user_data and item.user_data.lsp or {}
    table.insert(found, { line = item.lnum + 1, column = item.col + 1, code = item.code or data.code,
                          source = item.source, message = item.message })
  end
  return found
end
local client = function() return vim.lsp.get_client_by_id(id) end
wait(function() return #findings() > 0 end)
say({ version = tostring(vim.version().major) .. "." .. vim.version().minor .. "." .. vim.version().patch,
      findings = codes() })
local function act(only, choose)
  local params = { textDocument = { uri = vim.uri_from_bufnr(buffer) }, context = { diagnostics = {}, only = only },
                   range = { start = { line = 0, character = 0 }, ["end"] = { line = 100000, character = 0 } } }
  local answers = vim.lsp.buf_request_sync(buffer, "textDocument/codeAction", params, 30000)
  local actions = answers and answers[id] and answers[id].result or {}
  for _, action in ipairs(actions) do
    if choose(action) then
      if not action.edit and not action.command then
        action = vim.lsp.buf_request_sync(buffer, "codeAction/resolve", action, 30000)[id].result
      end
      if action.edit then
        vim.lsp.util.apply_workspace_edit(action.edit, client().offset_encoding or "utf-16")
        return action.title
      end
    end
  end
  return ""
end
if wanted ~= "" then
  local title = act({ "quickfix" }, function(action)
    return action.edit ~= nil and action.title:find("(" .. wanted, 1, true) ~= nil
  end)
  wait(function()
    for _, item in ipairs(codes()) do if item.code == wanted then return false end end
    return true
  end)
  say({ quickfix = title, findings = codes() })
end
say({ fixall = act({ "source.fixAll" }, function() return true end) })
vim.cmd("write")
client().stop()
vim.cmd("qall!")
