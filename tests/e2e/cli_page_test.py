"""docs/cli.md says what the binary says."""

import os

from moire_binary import ROOT, TestCase, main, moire


class Page(TestCase):
    def test_flags_are_those_of_the_binary(self):
        with open(os.path.join(ROOT, "docs", "cli.md"), encoding="utf-8") as file:
            page = file.read()
        self.assertTrue(
            moire("help-markdown").out.strip() in page,
            "docs/cli.md is out of date: put the output of `./moirew help-markdown` below its mark",
        )

    def test_version_and_help(self):
        self.assertRegex(moire("--version").out, r"^moire \d+\.\d+\.\d+")
        shown = moire("--help")
        self.check_code(shown, 0)
        self.assertIn("Exit codes: 0", shown.out)


if __name__ == "__main__":
    main()
