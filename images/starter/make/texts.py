#!/usr/bin/env python3
"""Sets the texts: make/texts/NAME.txt becomes rom/CONTENT/texts/NAME.htm (or .txt, if it says so).

A source is a head of `key: value` lines, an empty line, then blocks parted by empty lines:

    # Heading        ## Smaller heading      - list item      1. numbered item
    | a verse, its line breaks kept           ---  a pause     > a signature, set to the right

A first line `@ja` says that the block is Japanese. Inside a line *emphasis* and `code` are set.
Keys of the head: title, title_ja, by, lang (default en), set (htm or txt, default htm).
"""

import html
import re

import made

STYLE = """\
:root{color-scheme:light dark;--paper:#fbf8f1;--ink:#26241f;--quiet:#6a6559;--line:#ddd5c3;--accent:#9a4a20}
@media (prefers-color-scheme:dark){:root{--paper:#181a1e;--ink:#e6e1d6;--quiet:#a39d90;--line:#37393f;--accent:#e6a06c}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:1.125rem/1.65 "Iowan Old Style","Palatino Linotype",Palatino,"URW Palladio L",Georgia,"Noto Serif","Hiragino Mincho ProN","Yu Mincho","Noto Serif CJK JP","Noto Serif JP",serif}
main{max-width:36rem;margin:0 auto;padding:clamp(2rem,8vw,5rem) 1.25rem 5rem}
header{margin-bottom:3rem}
h1{font-size:clamp(1.9rem,6vw,2.75rem);line-height:1.15;font-weight:600;letter-spacing:-.01em;margin:0;text-wrap:balance}
h2{font-size:1.35rem;line-height:1.3;font-weight:600;margin:3rem 0 .75rem;text-wrap:balance}
h3{font-size:1.05rem;font-style:italic;font-weight:400;color:var(--accent);margin:2rem 0 .5rem}
.ja-title{font-size:1.15rem;color:var(--quiet);margin:.5rem 0 0}
.by{color:var(--quiet);font-style:italic;margin:.75rem 0 0}
p,ul,ol,pre{margin:0 0 1.1em;hyphens:auto;overflow-wrap:break-word}
ul,ol{padding-left:1.4em}
li{margin:.3em 0}
.verse{hyphens:none;padding-left:1.5em;text-indent:-1.5em}
.sign{text-align:right;font-style:italic}
[lang=ja]{font-family:"Hiragino Mincho ProN","Yu Mincho","Noto Serif CJK JP","Noto Serif JP",serif;line-height:1.95;font-style:normal;hyphens:none;letter-spacing:0}
h2[lang=ja]{font-weight:600}
code{font:.86em ui-monospace,"SFMono-Regular",Consolas,"Liberation Mono",monospace;background:color-mix(in srgb,var(--accent) 12%,transparent);padding:.1em .3em;border-radius:.25em;overflow-wrap:anywhere}
hr{border:0;margin:2.5rem auto;text-align:center;color:var(--quiet)}
hr::before{content:"\\2766";font-size:1.2rem}
a{color:var(--accent)}
nav{margin-top:4rem;padding-top:1rem;border-top:1px solid var(--line);font-size:.95rem}
@media print{:root{--paper:#fff;--ink:#000;--quiet:#444;--line:#bbb;--accent:#000}body{font-size:11pt}main{max-width:none;padding:0}nav{display:none}h2,h3{break-after:avoid}p,li{orphans:3;widows:3}}
"""

PAGE = """\
<!DOCTYPE html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
<header>
<h1>{title}</h1>
{under}</header>
{blocks}
<nav><a href="../../START.HTM">Back to the start page</a></nav>
</main>
</body>
</html>
"""


def parse(source):
    """The head as a dictionary, and the blocks as (language, lines)."""
    head, _, body = source.partition("\n\n")
    keys = dict(line.split(": ", 1) for line in head.splitlines())
    blocks = []
    for block in re.split(r"\n\s*\n", body.strip()):
        lines = block.splitlines()
        language = lines.pop(0)[1:] if lines[0] in ("@ja", "@en") else keys.get("lang", "en")
        blocks.append((language, lines))
    return keys, blocks


def curled(text):
    """Straight quotation marks as printers set them; what stands between backticks stays."""
    parts = text.split("`")
    for n in range(0, len(parts), 2):
        opened = re.sub(r'(^|[\s(*])"', "\\1\u201c", parts[n])
        parts[n] = opened.replace('"', "\u201d").replace("'", "\u2019")
    return "`".join(parts)


def inline(text):
    """One run of text as HTML."""
    text = html.escape(curled(text), quote=False)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", text)


def items(tag, attribute, lines, mark):
    """A list; a line that doesn't begin with the mark goes on with the item before it."""
    joined = []
    for line in lines:
        if re.match(mark, line):
            joined.append(re.sub(mark, "", line, count=1))
        else:
            joined[-1] += " " + line.strip()
    rows = "\n".join(f"<li>{inline(item)}</li>" for item in joined)
    return f"<{tag}{attribute}>\n{rows}\n</{tag}>"


def block_html(language, lines, own):
    """One block as HTML."""
    attribute = "" if language == own else f' lang="{language}"'
    first = lines[0]
    glue = "" if language == "ja" else " "
    if first == "---":
        return "<hr>"
    if first.startswith("## "):
        return f"<h3{attribute}>{inline(first[3:])}</h3>"
    if first.startswith("# "):
        return f"<h2{attribute}>{inline(first[2:])}</h2>"
    if first.startswith("- "):
        return items("ul", attribute, lines, r"- ")
    if re.match(r"\d+\. ", first):
        return items("ol", attribute, lines, r"\d+\. ")
    if first.startswith("| "):
        rows = "<br>\n".join(inline(line[2:]) for line in lines)
        return f'<p class="verse"{attribute}>{rows}</p>'
    if first.startswith("> "):
        return f'<p class="sign"{attribute}>{inline(glue.join(line[2:] for line in lines))}</p>'
    return f"<p{attribute}>{inline(glue.join(lines))}</p>"


def as_page(keys, blocks):
    """The whole text as a page that needs nothing beside it."""
    own = keys.get("lang", "en")
    under = ""
    if "title_ja" in keys:
        under += f'<p class="ja-title" lang="ja">{html.escape(keys["title_ja"])}</p>\n'
    if "by" in keys:
        under += f'<p class="by">{html.escape(keys["by"])}</p>\n'
    return PAGE.format(
        lang=own,
        title=html.escape(keys["title"]),
        style=STYLE,
        under=under,
        blocks="\n".join(block_html(language, lines, own) for language, lines in blocks),
    )


def as_plain(keys, blocks):
    """The whole text as plain lines, for whatever can only show those."""
    out = [keys["title"].upper(), "=" * len(keys["title"]), ""]
    if "by" in keys:
        out += [keys["by"], ""]
    for _, lines in blocks:
        if lines[0] == "---":
            out += ["", "        *", "", ""]
        elif lines[0].startswith("# "):
            title = lines[0][2:]
            out += ["", title, "-" * len(title), ""]
        else:
            out += [line[2:] if line.startswith("| ") else line for line in lines] + [""]
    return "\n".join(out).rstrip() + "\n"


def made_texts():
    """Every text, set."""
    files = {}
    for source in sorted((made.HERE / "texts").glob("*.txt")):
        keys, blocks = parse(source.read_text(encoding="utf-8"))
        plain = keys.get("set", "htm") == "txt"
        text = as_plain(keys, blocks) if plain else as_page(keys, blocks)
        files[f"texts/{source.stem}.{'txt' if plain else 'htm'}"] = text.encode("utf-8")
    return files


if __name__ == "__main__":
    made.main(made_texts())
