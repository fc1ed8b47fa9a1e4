"""Inside the child: what keeps the code of the user in, and what an experiment leaves running."""

import contextlib
import os
import signal
import sys
import time
from typing import Any


def contain(settings: Any) -> Any:
    """What keeps the user's code in: each entry says whether it held. May go on in a forked process."""
    held = {"session": False, "network": False, "subreaper": False, "processes": False, "writes": False}
    try:
        os.setsid()
        held["session"] = True
    except (OSError, AttributeError):
        held["session"] = hasattr(os, "getsid") and os.getsid(0) == os.getpid()
    if sys.platform == "linux":
        try:
            import ctypes

            libc = ctypes.CDLL(None, use_errno=True)
        except (ImportError, OSError):
            return held
        libc.prctl(PARENT_DEATH, signal.SIGKILL, 0, 0, 0)
        held["subreaper"] = libc.prctl(36, 1, 0, 0, 0) == 0
        own_namespaces(libc, held)
        lock_files(libc, settings["root"], held)
    return held


PARENT_DEATH = 1  # PR_SET_PDEATHSIG


NEW_USER, NEW_PROCESSES, NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000


def own_namespaces(libc: Any, held: Any) -> None:
    """A network without a way out and processes that end with this one: as root, or as a user where that is allowed."""
    user, group = os.getuid(), os.getgid()
    for flags in (NEW_PROCESSES | NEW_NETWORK, NEW_USER | NEW_PROCESSES | NEW_NETWORK, NEW_NETWORK):
        if libc.unshare(flags) != 0:
            continue
        held["network"] = True
        if flags & NEW_USER:
            lines = {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}
            for name, text in lines.items():
                with contextlib.suppress(OSError), open("/proc/self/" + name, "w") as file:
                    file.write(text)
        if flags & NEW_PROCESSES:
            held["processes"] = True
            inner = os.fork()  # the first process of the new namespace: when it ends, all in it are killed
            if inner:
                try:
                    os.waitpid(inner, 0)
                finally:
                    os._exit(1)
            libc.prctl(PARENT_DEATH, signal.SIGKILL, 0, 0, 0)
            libc.prctl(36, 1, 0, 0, 0)
        return


def lock_files(libc: Any, root: Any, held: Any) -> None:
    """Landlock, from Linux 5.13 on: no file outside the temporary folder is written, made or removed, by C code too."""
    import ctypes
    import struct

    version = libc.syscall(444, None, 0, 1)
    if version < 1:
        return
    write, made = 1 << 1, sum(1 << bit for bit in range(4, 13))
    handled = write | made | (1 << 13 if version >= 2 else 0) | (1 << 14 if version >= 3 else 0)
    ports = 3 if version >= 4 else 0  # binding and connecting by TCP
    scoped = 3 if version >= 6 else 0  # abstract sockets of, and signals to, processes outside
    rules = struct.pack("QQQ", handled, ports, scoped)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = libc.syscall(444, ctypes.c_char_p(rules), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return
    for folder, allowed in ((root, handled), ("/dev", write | handled & 1 << 14), ("/dev/shm", handled)):
        try:
            place = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        libc.syscall(445, ruleset, 1, ctypes.c_char_p(struct.pack("=Qi", allowed, place)), 0)
        os.close(place)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    held["writes"] = libc.syscall(446, ruleset, 0) == 0
    held["network"] = held["network"] or bool(held["writes"] and ports)
    os.close(ruleset)


def limit(settings: Any) -> None:
    """In the child of an experiment: it ends with its parent, leaves no core and fills no disk."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        largest = settings.get("file_megabytes", 2048) * 1_000_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    if sys.platform == "linux":
        with contextlib.suppress(ImportError, OSError):
            import ctypes

            ctypes.CDLL(None).prctl(PARENT_DEATH, signal.SIGKILL, 0, 0, 0)


def reap() -> None:
    """Kill and collect what an experiment left running; orphans come to this process."""
    until = time.time() + 3
    while time.time() < until:
        found = children()
        if os.getpid() == 1:  # the first of its namespace: this means all others in it
            with contextlib.suppress(OSError):
                os.kill(-1, signal.SIGKILL)
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except OSError:
            return  # there are no children
        time.sleep(0.005)


def children() -> Any:
    """The processes whose parent is this one, by /proc; empty elsewhere, and in a namespace of its own."""
    found: list[int] = []
    mine = str(os.getpid())
    if mine == "1":
        return found
    try:
        names = os.listdir("/proc")
    except OSError:
        return found
    for name in names:
        if name.isdigit():
            try:
                with open("/proc/" + name + "/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if fields[1].decode() == mine:
                found.append(int(name))
    return found


# events of changes to files, and how many of their last arguments are descriptors that paths are relative to
WRITING = {
    "os.remove": 1,
    "os.rename": 2,
    "os.mkdir": 1,
    "os.rmdir": 1,
    "os.truncate": 0,
    "os.link": 2,
    "os.symlink": 1,
    "os.chmod": 1,
    "os.chown": 1,
    "os.utime": 1,
    "shutil.rmtree": 0,
    "shutil.move": 0,
}


NETWORK = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"})


PROGRAMS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile"})


def guard(root: Any) -> None:
    """Refuse writes outside the temporary folder, connections, other programs and signals, with a word that says so.

    C libraries are not seen here; where Linux has Landlock and namespaces, these hold them too.
    """
    root = os.path.realpath(root)

    def outside(path: Any, folder: Any = -1) -> Any:
        if isinstance(path, int) or path is None:
            return False
        path = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else str(path)
        if isinstance(folder, int) and folder >= 0 and not os.path.isabs(path):
            try:
                path = os.path.join(os.readlink("/proc/self/fd/" + str(folder)), path)
            except OSError:
                return True
        full = os.path.realpath(path)
        return not (full == root or full.startswith((root + os.sep, "/dev/")))

    def hook(event: Any, arguments: Any) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = (isinstance(mode, str) and any(letter in mode for letter in "wax+")) or (
                isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            )
            if writes and outside(path):
                raise PermissionError(f"kerascheck: no writing outside the temporary folder: {path}")
        elif event in WRITING:
            count = WRITING[event]
            folders = list(arguments[len(arguments) - count :]) or [-1]
            paths = [item for item in arguments[:2] if isinstance(item, (str, bytes, os.PathLike))]
            if any(outside(path, folders[min(index, len(folders) - 1)]) for index, path in enumerate(paths)):
                raise PermissionError("kerascheck: no changes outside the temporary folder")
        elif event in NETWORK:
            raise PermissionError("kerascheck: no network")
        elif event in PROGRAMS:
            raise PermissionError("kerascheck: no other programs")
        elif event in ("os.kill", "os.killpg"):
            group = os.getpgid(arguments[0]) if event == "os.kill" and arguments[0] > 0 else arguments[0]
            if group not in (0, os.getpgid(0)):
                raise PermissionError("kerascheck: no signals to other processes")

    sys.addaudithook(hook)
