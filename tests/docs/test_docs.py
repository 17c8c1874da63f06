"""What is not in the documentation does not exist: commands, errors, settings, value types."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from chengshu.kernel import errors
from chengshu.main.cli import app
from chengshu.main.home import SETTINGS
from tests.conftest import ROOT

README, CHINESE = (ROOT / name for name in ("README.md", "README.zh-CN.md"))
COMMANDS = [command.name for command in app.registered_commands]
CODES = sorted(
    {
        kind.code
        for kind in vars(errors).values()
        if isinstance(kind, type) and hasattr(kind, "code")
    }
)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("page", [README, CHINESE], ids=["en", "zh"])
def test_every_command_is_in_both_readmes(command: str, page: Path):
    assert re.search(rf"`(chengshu )?{command}\b", page.read_text("utf-8"))


@pytest.mark.parametrize("code", CODES)
def test_every_error_has_a_line(code: str):
    assert f"| `{code}` |" in (ROOT / "docs" / "errors.md").read_text("utf-8")


def test_every_setting_is_in_a_new_homes_config():
    from chengshu.main.home import CONFIG

    assert all(re.search(rf"^{name} = .*#", CONFIG, re.MULTILINE) for name in SETTINGS)


def test_derived_files_are_fresh():
    tool = [sys.executable, str(ROOT / "tools" / "derive.py"), "--check"]

    done = subprocess.run(tool, capture_output=True, text=True, cwd=ROOT)

    assert (done.returncode, done.stdout) == (0, "")


def test_links_between_pages_lead_somewhere():
    pages = [README, CHINESE, *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))
        if not (page.parent / link).exists()
    ]

    assert broken == []


def test_no_page_and_no_code_names_a_registry_or_the_tools_of_its_makers():
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT)
    hosts = re.compile(r"pypi\.org|pythonhosted|npmjs|deb\.debian|registry\.")
    named = [
        name
        for name in listed.stdout.split("\n")
        if name.endswith((".md", ".toml", ".txt", ".in", ".yaml", "Makefile"))
        and hosts.search((ROOT / name).read_text("utf-8"))
    ]

    assert named == []
