"""What does not work on every system, found in the source."""

import ast
from collections.abc import Iterator

POSIX_MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}
POSIX_NAMES = {
    "os.fork",
    "os.getegid",
    "os.geteuid",
    "os.getgid",
    "os.getpgid",
    "os.getuid",
    "os.killpg",
    "os.nice",
    "os.sched_getaffinity",
    "os.setsid",
    "os.sysconf",
    "os.uname",
    "signal.SIGALRM",
    "signal.SIGHUP",
    "signal.SIGKILL",
    "signal.SIGUSR1",
    "signal.alarm",
    "signal.setitimer",
}
# A guard is any condition, or way out, that asks one of these.
GUARDS = (
    "os.name",
    "sys.platform",
    "platform.system",
    "hasattr(",
    "ImportError",
    "posix_only",
    "/proc/",
)
SYSTEM_FOLDERS = ("/" + "tmp/", "/" + "var/")
_OWN_ENCODING = {"read_text", "write_text"}


def faults(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and fault of what a system other than Linux does differently."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        fault = _text_without_encoding(node) or _renames(node)
        if fault is None and (found := _only_posix(node) or _script(node) or _system_folder(node)):
            fault = None if _guarded(node, parents) else found
        if fault is not None:
            yield getattr(node, "lineno", 0), fault


def _text_without_encoding(node: ast.AST) -> str | None:
    """Return the fault of a call that reads or writes text in the encoding of the system."""
    if not isinstance(node, ast.Call) or any(
        word.arg in ("encoding", None) for word in node.keywords
    ):
        return None
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if name in _OWN_ENCODING and isinstance(node.func, ast.Attribute):
        # The encoding is the first argument of read_text, and the second of write_text.
        return None if len(node.args) > (name == "write_text") else f"{name} without encoding="
    if name not in ("open", "fdopen"):
        return None
    of_path = isinstance(node.func, ast.Attribute) and name == "open"
    given = node.args[0 if of_path else 1 :][:1] + [
        w.value for w in node.keywords if w.arg == "mode"
    ]
    mode = given[0].value if given and isinstance(given[0], ast.Constant) else "r"
    if of_path and (len(node.args) > 1 or (node.args and not _is_mode(node.args[0]))):
        return None  # not of a path: Image.open(file), zipfile's open(name)
    if (
        not isinstance(mode, str)
        or "b" in mode
        or (given and not isinstance(given[0], ast.Constant))
    ):
        return None
    return f"{name} of text without encoding="


def _is_mode(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and set(node.value) <= set("rwaxbt+")
    )


def _renames(node: ast.AST) -> str | None:
    """Return the fault of os.rename, which fails on Windows where the target exists."""
    if isinstance(node, ast.Attribute) and ast.unparse(node) == "os.rename":
        return "os.rename fails on Windows over an existing file; use os.replace"
    return None


def _only_posix(node: ast.AST) -> str | None:
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = (
            [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        )
        if found := POSIX_MODULES & {name.partition(".")[0] for name in names}:
            return f"{', '.join(sorted(found))} is there on POSIX only"
    if isinstance(node, ast.Attribute) and ast.unparse(node) in POSIX_NAMES:
        return f"{ast.unparse(node)} is there on POSIX only"
    called = getattr(getattr(node, "func", None), "attr", "")
    if isinstance(node, ast.Call) and called in ("symlink_to", "symlink"):
        return "links need rights on Windows"
    return None


def _script(node: ast.AST) -> str | None:
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value[:2] == "#" + "!"
    ):
        return "a script with its interpreter in the first line is no program on Windows"
    return None


def _system_folder(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value + "/"
        if " " not in text and text.startswith(SYSTEM_FOLDERS):
            return f"{node.value} is no folder of every system"
    return None


def _guarded(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Return whether a condition on the system stands around it, or before it in its function."""
    while node in parents:
        above = parents[node]
        asked: list[ast.AST] = []
        if isinstance(above, ast.If | ast.IfExp | ast.While | ast.comprehension):
            asked += [above.test] if hasattr(above, "test") else above.ifs
        elif isinstance(above, ast.BoolOp):
            asked += above.values
        elif isinstance(above, ast.Try):
            asked += [handler.type for handler in above.handlers if handler.type]
        elif isinstance(above, ast.FunctionDef | ast.ClassDef):
            asked += above.decorator_list
            asked += [
                s for s in above.body if s.lineno < node.lineno and isinstance(s, ast.If | ast.Expr)
            ]
            asked += [
                a.annotation
                for a in getattr(getattr(above, "args", None), "args", [])
                if a.annotation
            ]
        if any(guard in ast.unparse(one) for one in asked for guard in GUARDS):
            return True
        node = above
    return False
