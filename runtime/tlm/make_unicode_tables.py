#!/usr/bin/env python3
"""Writes character_flags_table.cc and fold_table.cc beside itself: what WordPiece must know about characters.

    runtime/tlm/make_unicode_tables.py

BERT's tokenizer is defined by Python's str.lower(), unicodedata.category() and unicodedata.normalize(), so the
tables are made from those. Their Unicode version is in the files' first lines; another Python may have another.
"""
import pathlib
import textwrap
import unicodedata

# Bits of CharacterFlags in unicode.h.
REMOVED, BLANK, PUNCTUATION, MARK, CASED, CASE_IGNORABLE, IDEOGRAPH = (1 << bit for bit in range(7))

LAST = 0x10FFFF
SURROGATES = range(0xD800, 0xE000)
HANGUL = range(0xAC00, 0xD7A4)
CAPITAL_SIGMA = 0x3A3
# BERT's own list of what is written without blanks.
IDEOGRAPHS = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
              (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))


def ends_in_final_sigma(text):
    return text.lower().endswith("\u03c2")


def case_flags(character):
    """Python has no public test for the properties Cased and Case_Ignorable, but lower() acts on them."""
    sigma = chr(CAPITAL_SIGMA)
    if ends_in_final_sigma("1" + character + sigma):
        return CASED
    return CASE_IGNORABLE if ends_in_final_sigma("a" + character + sigma) else 0


def flags(code):
    if code in SURROGATES:
        return REMOVED
    character = chr(code)
    category = unicodedata.category(character)
    if character in " \t\n\r" or category in ("Zs", "Zl", "Zp"):
        return BLANK
    if code in (0, 0xFFFD) or category[0] == "C":
        return REMOVED
    bits = case_flags(character)
    if 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126 or category[0] == "P":
        bits |= PUNCTUATION
    if category == "Mn":
        bits |= MARK
    if any(first <= code <= last for first, last in IDEOGRAPHS):
        bits |= IDEOGRAPH
    return bits


def fold(code):
    """Lower case, decomposed, without marks. Hangul is decomposed by arithmetic, and a capital sigma depends on
    its neighbours: both are left to the program."""
    text = unicodedata.normalize("NFD", "\u03c3" if code == CAPITAL_SIGMA else chr(code).lower())
    return [ord(c) for c in text if unicodedata.category(c) != "Mn"]


def table(element, function, rows):
    lines = textwrap.wrap(", ".join(rows), 96, break_long_words=False)
    body = "".join(f"    {line}\n" for line in lines)
    return (f"std::span<const {element}> {function}() {{\n  static constexpr {element} kRows[] = {{\n{body}  }};\n"
            "  return kRows;\n}\n")


def write(name, *tables):
    text = f"// Made by make_unicode_tables.py from Unicode {unicodedata.unidata_version}; not to be edited.\n"
    text += "#include \"runtime/tlm/unicode_tables.h\"\n\nnamespace elm {\n\n// clang-format off\n"
    text += "".join(tables) + "// clang-format on\n\n}  // namespace elm\n"
    (pathlib.Path(__file__).parent / name).write_text(text)


def runs():
    """One word for each run of characters with the same flags: first character << 8 | flags."""
    words, previous = [], None
    for code in range(LAST + 1):
        bits = flags(code)
        if bits != previous:
            words.append(f"0x{code << 8 | bits:x}")
            previous = bits
    return words


def folds():
    """Two lists: runs of characters `step` apart whose folding is as far from them (first, last, step, distance),
    and those that become several."""
    single, several = {}, []
    for code in range(LAST + 1):
        if code in SURROGATES or code in HANGUL or flags(code) & (REMOVED | BLANK | MARK):
            continue
        folded = fold(code)
        if folded == [code]:
            continue
        if len(folded) == 1:
            single[code] = folded[0] - code
        else:
            assert 2 <= len(folded) <= 3, hex(code)
            several.append([code] + folded + [0] * (3 - len(folded)))
    lines = []
    while single:
        first = min(single)
        distance = single[first]

        def last_of(step):
            last = first
            while single.get(last + step) == distance and (step == 1 or last + 1 not in single):
                last += step
            return last

        step = max((1, 2), key=lambda s: (last_of(s) - first) // s)
        last = last_of(step)
        for code in range(first, last + 1, step):
            del single[code]
        lines.append((first, last, step, distance))
    return lines, several


def main():
    lines, several = folds()
    # One search finds a character's run, so runs must not interleave.
    assert all(a[1] < b[0] for a, b in zip(lines, lines[1:])), "runs interleave"
    # Braces without blanks: a line is never broken inside one.
    write("character_flags_table.cc", table("uint32_t", "CharacterRunTable", runs()))
    write("fold_table.cc",
          table("FoldRun", "FoldRunTable", [f"{{0x{f:x},{(l - f) // s + 1},{s - 1},{d}}}" for f, l, s, d in lines]),
          "\n",
          table("FoldSeveral", "FoldSeveralTable",
                [f"{{0x{row[0]:x},{{" + ",".join(f"0x{c:x}" for c in row[1:]) + "}}" for row in several]))


main()
