/* Base64 with padding to bytes.

   What belongs here: this one decoding; strict like Python's, bits left over in the last character are dropped. */

#ifndef RDS_LAKE_BASE64_H
#define RDS_LAKE_BASE64_H

#include "text.h"

/* One more than the value: what is not listed is 0, and no letter of base64. */
static const unsigned char base64_letters[256] = {
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
    ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

/* Decodes into `out`; 0 if the text is no base64 or there is no memory. */
static int base64_decode(const char *text, size_t length, bytes *out)
{
    if (length % 4 || !reserve(out, length / 4 * 3))
        return 0;
    if (!length)
        return 1;
    const unsigned char *p = (const unsigned char *)text, *last = p + length - 4;
    unsigned char *to = (unsigned char *)out->at + out->length;
    int padding = (last[3] == '=') + (last[3] == '=' && last[2] == '=');
    for (; p <= last; p += 4, to += 3) {
        unsigned a = base64_letters[p[0]], b = base64_letters[p[1]], c = base64_letters[p[2]], d = base64_letters[p[3]];
        if (p == last && padding)
            d = 1, c = padding == 2 ? 1 : c;
        if (!a || !b || !c || !d)
            return 0;
        a--, b--, c--, d--;
        to[0] = (unsigned char)(a << 2 | b >> 4);
        to[1] = (unsigned char)(b << 4 | c >> 2);
        to[2] = (unsigned char)(c << 6 | d);
    }
    out->length += length / 4 * 3 - (size_t)padding;
    return 1;
}

#endif
