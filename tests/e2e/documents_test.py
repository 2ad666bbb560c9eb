"""Documents say what the binary and the sources say."""

import glob
import os
import re

from moire_binary import ROOT, TestCase, main, moire


class Page(TestCase):
    def test_flags_are_those_of_the_binary(self):
        with open(os.path.join(ROOT, "docs", "cli.md"), encoding="utf-8") as file:
            page = file.read()
        self.assertTrue(
            moire("help-markdown").out.strip() in page,
            "docs/cli.md is out of date: put the output of `./moirew help-markdown` below its mark",
        )

    def test_quoted_code_is_that_of_the_sources(self):
        """`<!-- from PATH -->` above a block: the block stands in that file, formatted as it may be."""
        quotes = 0
        for page in [os.path.join(ROOT, "README.md"), *glob.glob(os.path.join(ROOT, "docs", "*.md"))]:
            with open(page, encoding="utf-8") as file:
                text = file.read()
            for path, block in re.findall(r"<!-- from (\S+) -->\n```\w*\n(.*?)```", text, re.DOTALL):
                with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                    source = " ".join(file.read().split())
                self.assertTrue(" ".join(block.split()) in source, f"{page} quotes what {path} no longer says:\n{block}")
                quotes += 1
        self.assertGreaterEqual(quotes, 4)

    def test_links_lead_somewhere(self):
        for page in [os.path.join(ROOT, "README.md"), *glob.glob(os.path.join(ROOT, "docs", "*.md"))]:
            with open(page, encoding="utf-8") as file:
                text = file.read()
            for link in re.findall(r"\]\(([^)#]+)", text):
                if "://" not in link:
                    target = os.path.join(os.path.dirname(page), link)
                    self.assertTrue(os.path.exists(target), f"{page}: {link}")

    def test_version_and_help(self):
        self.assertRegex(moire("--version").out, r"^moire \d+\.\d+\.\d+")
        shown = moire("--help")
        self.check_code(shown, 0)
        self.assertIn("Exit codes: 0", shown.out)


if __name__ == "__main__":
    main()
