/* Bytes that grow, and JSON strings: finding their end, taking escapes off, writing them as Python's json does.

   What belongs here: characters. Every function gives the place after what it read, or NULL if that is no such thing.
   A chunk ends with a NUL, which no JSON holds: loops that look at one byte need not ask where the end is. */

#ifndef RDS_LAKE_TEXT_H
#define RDS_LAKE_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

typedef struct {
    char *at;
    size_t length, room;
} bytes;

static int grow(bytes *buffer, size_t more)
{
    size_t room = buffer->room ? buffer->room : 256;
    while (room < buffer->length + more)
        room *= 2;
    char *at = realloc(buffer->at, room);
    if (!at)
        return 0;
    buffer->at = at;
    buffer->room = room;
    return 1;
}

/* Room for `more` bytes; 0 if there is no memory. */
static inline int reserve(bytes *buffer, size_t more)
{
    return buffer->room - buffer->length >= more || grow(buffer, more);
}

static inline int append(bytes *buffer, const void *from, size_t count)
{
    if (!reserve(buffer, count))
        return 0;
    if (count)
        memcpy(buffer->at + buffer->length, from, count);
    buffer->length += count;
    return 1;
}

static inline const char *skip_spaces(const char *p)
{
    /* DynamoDB writes none; a line feed ends the item. */
    if ((unsigned char)*p > ' ')
        return p;
    while (*p == ' ' || *p == '\t' || *p == '\r')
        p++;
    return p;
}

static inline int stops(unsigned char c)
{
    return c == '"' || c == '\\' || c < 0x20;
}

/* The first quote, backslash or control character. */
static inline const char *string_stop(const char *p, const char *end)
{
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)p);
        __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)),
                                   _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask)
            return p + __builtin_ctz(mask);
        p += 16;
    }
#else
    /* Eight bytes at a time: a byte that stops makes its high bit (or a later byte's) one. */
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    while (end - p >= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        uint64_t quote = v ^ (ones * '"'), slash = v ^ (ones * '\\');
        if ((((v - ones * 0x20) & ~v) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & highs)
            break;
        p += 8;
    }
#endif
    while (!stops((unsigned char)*p))
        p++;
    return p;
}

static int hex_digits(const char *p)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static int append_character(bytes *out, unsigned code)
{
    unsigned char text[4];
    size_t count;
    if (code < 0x80) {
        text[0] = (unsigned char)code, count = 1;
    } else if (code < 0x800) {
        text[0] = 0xc0 | code >> 6, text[1] = 0x80 | (code & 0x3f), count = 2;
    } else if (code < 0x10000) {
        text[0] = 0xe0 | code >> 12, text[1] = 0x80 | (code >> 6 & 0x3f), text[2] = 0x80 | (code & 0x3f), count = 3;
    } else {
        text[0] = 0xf0 | code >> 18, text[1] = 0x80 | (code >> 12 & 0x3f);
        text[2] = 0x80 | (code >> 6 & 0x3f), text[3] = 0x80 | (code & 0x3f), count = 4;
    }
    return append(out, text, count);
}

/* What follows a backslash, as the character it stands for. Half a surrogate pair is no character. */
static const char *unescape(const char *p, bytes *out)
{
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *found;
    if (*p != 'u')
        return *p && (found = strchr(names, *p)) && append(out, &meant[found - names], 1) ? p + 1 : NULL;
    int code = hex_digits(p + 1);
    if (code < 0 || (code >= 0xdc00 && code < 0xe000))
        return NULL;
    p += 5;
    if (code >= 0xd800 && code < 0xdc00) {
        int low = p[0] == '\\' && p[1] == 'u' ? hex_digits(p + 2) : -1;
        if (low < 0xdc00 || low >= 0xe000)
            return NULL;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        p += 6;
    }
    return append_character(out, (unsigned)code) ? p : NULL;
}

/* The rest of a string that begins at `p`, after its quote, decoded. */
static const char *decode_string(const char *p, const char *end, bytes *out)
{
    for (;;) {
        const char *stop = string_stop(p, end);
        if (!append(out, p, (size_t)(stop - p)))
            return NULL;
        if (*stop == '"')
            return stop + 1;
        if (*stop != '\\' || !(p = unescape(stop + 1, out)))
            return NULL;
    }
}

/* The text in quotes, as Python's json writes it without `ensure_ascii`. */
static int append_quoted(bytes *out, const char *text, size_t length)
{
    static const char escaped[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt", digits[] = "0123456789abcdef";
    if (!append(out, "\"", 1))
        return 0;
    for (const char *end = text + length; text < end; text++) {
        unsigned char c = (unsigned char)*text;
        const char *found = c ? strchr(escaped, c) : NULL;
        char long_form[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
        char short_form[] = {'\\', found ? names[found - escaped] : 0};
        int done = !stops(c) ? append(out, text, 1) : found ? append(out, short_form, 2) : append(out, long_form, 6);
        if (!done)
            return 0;
    }
    return append(out, "\"", 1);
}

#endif
