"""Which 32 bytes are an acceptable Ed25519 public key: canonical, and in the prime-order group."""

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1)


def _add(a, b):
    product = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + product, P - 2, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, P - 2, P)
    return x % P, y % P


def _multiply(scalar, point):
    result = NEUTRAL
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point, scalar = _add(point, point), scalar >> 1
    return result


def _decompress(data):
    y, sign = int.from_bytes(data, "little") & (2**255 - 1), data[31] >> 7
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return (x if x & 1 == sign else P - x), y


_known = {}


def is_sound_key(data):
    """Whether a public key is a canonical point of the prime-order group, not the neutral one."""
    if data not in _known:
        point = _decompress(data)
        _known[data] = (
            point is not None and point != NEUTRAL and _multiply(ORDER, point) == NEUTRAL
        )
    return _known[data]


def is_of_small_order(data):
    """Whether 32 bytes are a point that anyone can sign under, or no canonical point at all."""
    point = _decompress(data)
    return point is None or _multiply(8, point) == NEUTRAL
