#!/usr/bin/env python3
"""Paints the picture into rom/CONTENT/pictures: moonrise over flooded rice terraces.

Everything is arithmetic over a seeded noise: a sky, a moon, ridges fading into mist, and a hillside
cut into steps that mirror the sky. Only the four operations and square roots, exact on any machine.
"""

import functools
import math
import struct
import zlib

import made

WIDTH, HEIGHT = 1200, 750
MOON_X, MOON_Y, MOON_R = 846.0, 214.0, 62.0
SEAS = [(-0.3, -0.42, 0.34), (0.2, -0.36, 0.23), (0.4, -0.02, 0.27), (-0.58, 0.02, 0.3), (-0.22, 0.42, 0.24), (0.68, -0.3, 0.12)]
SHORE = 452.0
SKY = [(0.0, (17, 24, 54)), (0.34, (46, 52, 98)), (0.6, (112, 88, 134)), (0.8, (206, 134, 128)), (1.0, (250, 196, 142))]
RIDGES = [
    # (foot, height, width of its hills, seed, top colour, colour in the mist at its foot)
    (432, 120, 310, 11, (122, 100, 142), (226, 164, 146)),
    (446, 92, 220, 23, (94, 84, 130), (214, 150, 144)),
    (462, 78, 170, 37, (66, 66, 110), (176, 122, 138)),
    (486, 66, 120, 41, (44, 48, 88), (116, 88, 120)),
]


@functools.cache
def hashed(n, seed):
    """A number in 0..1 for a whole number."""
    n = (n * 374761393 + seed * 668265263) & 0xFFFFFFFF
    n = ((n ^ (n >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((n ^ (n >> 16)) & 0xFFFFFF) / 0xFFFFFF


def noise(x, seed, octaves=5):
    """A smooth line through random heights, finer ones added at half the height each."""
    total, loud, whole = 0.0, 1.0, 0.0
    for octave in range(octaves):
        cell = math.floor(x)
        part = x - cell
        part = part * part * (3 - 2 * part)
        left, right = hashed(cell, seed + octave), hashed(cell + 1, seed + octave)
        total += loud * (left + (right - left) * part)
        whole += loud
        x, loud = x * 2 + 0.37, loud * 0.5
    return total / whole


def mix(a, b, part):
    """The colour `part` of the way from a to b."""
    part = 0.0 if part < 0 else 1.0 if part > 1 else part
    return tuple(p + (q - p) * part for p, q in zip(a, b))


def along(stops, at):
    """The colour at a place of a gradient."""
    for (low, first), (high, second) in zip(stops, stops[1:]):
        if at <= high:
            return mix(first, second, (at - low) / (high - low))
    return stops[-1][1]


def glow(x, y, strength, spread):
    """How much of the moon's light the air scatters there."""
    far = ((x - MOON_X) ** 2 + (y - MOON_Y) ** 2) / (spread * spread)
    return strength / (1.0 + far)


def paint_sky():
    """Rows of colours: the gradient, the moon and its halo, a few stars, thin cloud."""
    rows = []
    for y in range(HEIGHT):
        base = along(SKY, y / SHORE)
        if y > SHORE + 18:
            rows.append([base] * WIDTH)
        else:
            rows.append([mix(base, (255, 236, 208), glow(x, y, 0.5, 120.0)) for x in range(WIDTH)])
    for n in range(240):
        x, y = int(hashed(n, 71) * (WIDTH - 1)), int(hashed(n, 72) ** 2 * 330)
        bright = hashed(n, 73)
        light = 0.75 * bright * bright * bright * (1 - y / 380) + 0.06
        rows[y][x] = mix(rows[y][x], (255, 250, 240), light)
        if bright > 0.9:
            for side in (-1, 1):
                rows[y][max(0, min(WIDTH - 1, x + side))] = mix(rows[y][x], rows[y + 2][x], 0.62)
                rows[max(0, y + side)][x] = mix(rows[y][x], rows[y + 2][x], 0.62)
    moon(rows)
    return rows


def moon(rows):
    """The disc, its seas faintly darker, its rim smooth."""
    for y in range(int(MOON_Y - MOON_R) - 1, int(MOON_Y + MOON_R) + 2):
        for x in range(int(MOON_X - MOON_R) - 1, int(MOON_X + MOON_R) + 2):
            dx, dy = x - MOON_X, y - MOON_Y
            inside = MOON_R - math.sqrt(dx * dx + dy * dy) + 0.5
            if inside > 0:
                face = mix((255, 247, 226), (228, 212, 198), seas(dx / MOON_R, dy / MOON_R))
                rows[y][x] = mix(rows[y][x], face, inside)


def seas(x, y):
    """How dark the moon's plains are at a place of its face."""
    dark = 0.0
    for sea_x, sea_y, size in SEAS:
        ragged = 0.4 + 1.1 * noise(x * 3 + 9 + 4 * noise(y * 3 + 20, 5, 2), 7, 3)
        far = ((x - sea_x) ** 2 + (y - sea_y) ** 2) / (size * size * ragged)
        dark = max(dark, min(1.0, 1.3 - 0.9 * far))
    return 0.8 * dark


def paint_ridges(rows):
    """Four rows of hills, the farther the paler, each dissolving at its foot."""
    for foot, height, wide, seed, top, mist in RIDGES:
        for x in range(WIDTH):
            crest = foot - height * (noise(x / wide + seed, seed) * 1.5 - 0.25)
            crest -= 2.5 * noise(x / 3.0, seed + 50, 2) * (seed - 11) / 15
            lit = glow(x, crest, 0.34, 210.0)
            for y in range(max(0, int(crest)), int(SHORE) + 18):
                shade = mix(top, mist, ((y - crest) / (foot + 34 - crest)) ** 2)
                shade = mix(shade, (255, 214, 170), lit * (1 - min(1.0, (y - crest) / 40)) * 0.6)
                cover = y - crest + 0.5
                rows[y][x] = mix(rows[y][x], shade, cover) if cover < 1 else shade


def hill(x, y):
    """How high the near hillside is: its whole parts are the terraces' steps."""
    deep = (y - SHORE) / (HEIGHT - SHORE)
    far = 1.0 / (0.16 + deep)
    across = (x - 560.0) * far / 420.0
    bend = noise(across * 1.15 + 40, 91, 3) * 2.6 + noise(across * 0.5 + far * 0.55 + 7, 97, 2) * 3.2
    return far * 2.2 - 4.5 * deep + bend + across * across * 0.22


def water(x, y, step):
    """What a terrace mirrors: the sky upside down, the moon's path, a little of its own."""
    deep = (y - SHORE) / (HEIGHT - SHORE)
    own = hashed(step, 131)
    seen = along(SKY, 1.0 - 0.86 * deep - 0.1 * own)
    seen = mix(seen, (34, 38, 70), 0.16 + 0.1 * own)
    wide = 34.0 + 150.0 * deep
    path = 1.0 / (1.0 + ((x - MOON_X + 30 * (own - 0.5)) / wide) ** 2)
    return mix(seen, (255, 240, 212), path * path * (0.86 - 0.4 * deep))


def paint_terraces(rows):
    """The hillside: water between banks, the banks lit on the moon's side."""
    heights = [hill(x, int(SHORE)) for x in range(WIDTH + 1)]
    for y in range(int(SHORE), HEIGHT):
        deep = (y - SHORE) / (HEIGHT - SHORE)
        below = [hill(x, y + 1) for x in range(WIDTH + 1)]
        for x in range(WIDTH):
            here = heights[x]
            steep = abs(below[x] - here) + abs(heights[x + 1] - here) + 1e-6
            step = math.floor(here)
            part = here - step
            bank = (0.16 + 0.2 * hashed(step, 17)) * (1 - 0.45 * deep)
            edge = 1.0 / steep
            into = min(part * edge, (1 - part) * edge) + 0.5
            cover = max(0.0, min(1.0, (part - bank) * edge + 0.5)) * max(0.0, min(1.0, into))
            earth = mix((30, 33, 56), (16, 20, 34), deep * 1.2)
            earth = mix(earth, (126, 96, 104), 0.42 * (1 - part / (bank + 0.01)) * (1 - deep))
            shade = mix(earth, water(x, y, step), cover)
            veil = (1 - deep) ** 6
            shade = mix(shade, (206, 146, 142), veil * 0.8)
            sure = min(1.0, (y - SHORE) / 16.0)
            rows[y][x] = mix(rows[y][x], shade, sure)
        heights = below


def paint_near(rows):
    """In front: a grassy rise in the dark, a hut with one lit window, three cedars."""
    ground = []
    for x in range(WIDTH):
        rise = 640 + 0.00022 * (x - 40) ** 2 - 26 * noise(x / 150 + 3, 61, 3)
        ground.append(rise)
        blades = 7.0 * noise(x / 1.7, 67, 2)
        for y in range(max(0, int(rise - blades)), HEIGHT):
            cover = y - (rise - blades) + 0.5
            rows[y][x] = mix(rows[y][x], mix((18, 20, 36), (8, 9, 18), (y - rise) / 90), cover)
    hut(rows, 214, ground[214] + 4)
    for x, tall in ((92, 214), (138, 168), (322, 120)):
        cedar(rows, x, ground[x] + 6, tall)


def cedar(rows, root, foot, tall):
    """A tree as a ragged spire."""
    for y in range(int(foot - tall), int(foot)):
        down = (y - foot + tall) / tall
        tier = down * tall / 15
        half = 0.165 * tall * down * (0.62 + 0.38 * (tier - math.floor(tier))) + 1.2
        for x in range(int(root - half * 1.4) - 1, int(root + half * 1.4) + 2):
            reach = half * (0.72 + 0.6 * noise(y / 3.0 + (50 if x < root else 0), 77 + root, 2))
            cover = reach - abs(x - root) + 0.5
            if cover > 0 and 0 <= x < WIDTH:
                rows[y][x] = mix(rows[y][x], mix((24, 28, 48), (9, 11, 21), down), cover)


def hut(rows, middle, foot):
    """A thatched hut and its window."""
    for y in range(int(foot - 62), int(foot) + 1):
        up = foot - y
        half = 40.0 if up < 30 else 54.0 * (1 - ((up - 30) / 33) ** 1)
        for x in range(int(middle - 56), int(middle + 57)):
            cover = half - abs(x - middle) + 0.5
            if cover > 0:
                rows[y][x] = mix(rows[y][x], (13, 15, 27), cover)
    for y in range(int(foot - 23), int(foot - 10)):
        for x in range(middle + 4, middle + 21):
            if (x - middle - 4) % 9 != 8 and (y - int(foot - 23)) % 7 != 6:
                rows[y][x] = mix((255, 206, 122), (255, 170, 84), (y - foot + 23) / 13)
    for y in range(int(foot - 60), int(foot + 40)):
        for x in range(middle - 50, middle + 76):
            near = 1 - ((x - middle - 12) ** 2 + (y - foot + 16) ** 2) / 1500.0
            rows[y][x] = mix(rows[y][x], (255, 190, 110), 0.3 * near * near * near if near > 0 else 0)


def packed(rows):
    """The rows as a PNG of even values, which pack a quarter smaller, as differences from the left."""
    raw = bytearray()
    for row in rows:
        line = bytes(2 * min(127, max(0, int(one / 2 + 0.5))) for colour in row for one in colour)
        raw += b"\1" + bytes((here - left) & 255 for here, left in zip(line, bytes(3) + line))
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"sRGB", b"\0"), (b"IDAT", zlib.compress(bytes(raw), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def made_pictures():
    """The picture, packed."""
    rows = paint_sky()
    paint_ridges(rows)
    paint_terraces(rows)
    paint_near(rows)
    return {"pictures/moon-over-the-terraces.png": packed(rows)}


if __name__ == "__main__":
    made.main(made_pictures())
