"""A small FLAC writer (RFC 9639): 16-bit mono, linear prediction, Rice-coded residuals.

Only integers and the four basic operations on floats are used, so every machine gives the same bytes.
"""

import hashlib

BLOCK = 2048
ORDER = 12
PRECISION = 14
RATE_CODES = {22050: 0b0110, 44100: 0b1001}


def encode(samples, rate):
    """The whole file for `samples`, whole numbers within -32768..=32767."""
    frames = [
        frame(samples[at : at + BLOCK], at // BLOCK, rate) for at in range(0, len(samples), BLOCK)
    ]
    sizes = [len(one) for one in frames]
    raw = b"".join((sample & 0xFFFF).to_bytes(2, "little") for sample in samples)
    info = bits([(BLOCK, 16), (BLOCK, 16), (min(sizes), 24), (max(sizes), 24), (rate, 20)])
    info += bits([(0, 3), (15, 5), (len(samples), 36)])
    info = int(info, 2).to_bytes(18, "big") + hashlib.md5(raw).digest()
    return b"fLaC" + b"\x80" + len(info).to_bytes(3, "big") + info + b"".join(frames)


def bits(fields):
    """Fields (value, width) as a string of binary digits; a negative value in two's complement."""
    return "".join(format(value & ((1 << width) - 1), f"0{width}b") for value, width in fields)


def frame(block, number, rate):
    """One frame: header, one subframe, padding, checksum."""
    head = bits([(0x3FFE, 14), (0, 2), (7, 4), (RATE_CODES[rate], 4), (0, 4), (4, 3), (0, 1)])
    head += coded_number(number) + bits([(len(block) - 1, 16)])
    head = int(head, 2).to_bytes(len(head) // 8, "big")
    head += bytes([checksum(head, 8, 0x07)])
    body = subframe(block)
    body += "0" * (-len(body) % 8)
    whole = head + int(body, 2).to_bytes(len(body) // 8, "big")
    return whole + checksum(whole, 16, 0x8005).to_bytes(2, "big")


def coded_number(number):
    """A frame's number in the form of UTF-8."""
    return "".join(format(byte, "08b") for byte in chr(number).encode("utf-8"))


def checksum(data, width, polynomial):
    """A cyclic redundancy check, most significant bit first."""
    top, mask, value = 1 << (width - 1), (1 << width) - 1, 0
    for byte in data:
        value ^= byte << (width - 8)
        for _ in range(8):
            value = ((value << 1) ^ polynomial if value & top else value << 1) & mask
    return value


def subframe(block):
    """The block's samples: constant, or the shorter of a fixed and a fitted predictor's residual."""
    if len(set(block)) == 1:
        return bits([(0, 8), (block[0], 16)])
    spare = 0
    while not any(sample >> spare & 1 for sample in block):
        spare += 1
    block = [sample >> spare for sample in block]
    found = [fixed(block, spare)]
    if len(block) > 2 * ORDER:
        found.append(fitted(block, spare))
    return min(found, key=len)


def kind(code, spare):
    """A subframe's first byte, and the count of low bits that are zero in the whole block."""
    return bits([(code, 7), (1 if spare else 0, 1)]) + ("0" * (spare - 1) + "1" if spare else "")


def fixed(block, spare):
    """The block under the predictor that draws a straight line through two samples."""
    order = min(2, len(block) - 1)
    residual = block
    for _ in range(order):
        residual = [b - a for a, b in zip(residual, residual[1:])]
    warm = bits([(sample, 16 - spare) for sample in block[:order]])
    return kind(0b001000 + order, spare) + warm + rice(residual, len(block), order)


def fitted(block, spare):
    """The block under a linear predictor fitted to it."""
    weights, shift = quantised(predictor(block))
    pairs = [(k + 1, weight) for k, weight in enumerate(weights)]
    residual = []
    for n in range(ORDER, len(block)):
        guess = 0
        for back, weight in pairs:
            guess += weight * block[n - back]
        residual.append(block[n] - (guess >> shift))
    head = [(sample, 16 - spare) for sample in block[:ORDER]]
    head += [(PRECISION - 1, 4), (shift, 5)] + [(weight, PRECISION) for weight in weights]
    return kind(0b100000 + ORDER - 1, spare) + bits(head) + rice(residual, len(block), ORDER)


def predictor(block):
    """Weights of the best linear predictor, by Levinson and Durbin's recursion."""
    half = (len(block) - 1) / 2
    faded = [one * (1 - ((n - half) / (half + 1)) ** 2) for n, one in enumerate(block)]
    sums = []
    for lag in range(ORDER + 1):
        total = 0.0
        for a, b in zip(faded, faded[lag:]):
            total += a * b
        sums.append(total)
    weights, error = [], sums[0] * 1.000000001 + 1e-9
    for k in range(ORDER):
        gap = sums[k + 1]
        for j, weight in enumerate(weights):
            gap -= weight * sums[k - j]
        turn = gap / error
        weights = [w - turn * weights[k - 1 - j] for j, w in enumerate(weights)] + [turn]
        error *= 1 - turn * turn
    return weights


def quantised(weights):
    """Weights as whole numbers over a power of two; what rounding leaves goes to the next weight."""
    shift, limit = 15, (1 << (PRECISION - 1)) - 1
    while shift > 0 and max(abs(weight) for weight in weights) * (1 << shift) > limit:
        shift -= 1
    whole, rest = [], 0.0
    for weight in weights:
        exact = weight * (1 << shift) + rest
        near = max(-limit, min(limit, int(exact + 0.5) if exact >= 0 else -int(0.5 - exact)))
        whole.append(near)
        rest = exact - near
    return whole, shift


def rice(residual, size, order):
    """The residual Rice-coded, each of 16 equal parts with its own parameter."""
    depth = 4 if size % 16 == 0 and size // 16 > order else 0
    part = size >> depth
    folded = [2 * one if one >= 0 else -2 * one - 1 for one in residual]
    out, at = [bits([(1, 2), (depth, 4)])], 0
    for n in range(1 << depth):
        count = part - order if n == 0 else part
        out.append(rice_part(folded[at : at + count]))
        at += count
    return "".join(out)


def rice_part(folded):
    """One part: its parameter in five bits, then each number as quotient in unary and remainder."""
    mean = sum(folded) // max(1, len(folded))
    around = range(max(0, mean.bit_length() - 2), min(31, mean.bit_length() + 1))
    best = min(around, key=lambda k: sum(one >> k for one in folded) + len(folded) * (k + 1))
    mask = (1 << best) - 1
    if best == 0:
        return bits([(best, 5)]) + "".join("0" * one + "1" for one in folded)
    low = f"0{best}b"
    return bits([(best, 5)]) + "".join(
        "0" * (one >> best) + "1" + format(one & mask, low) for one in folded
    )
