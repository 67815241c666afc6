/* Texts of numbers to integers and decimals, exactly. What JSON does not take for a number is left to Python.

   What belongs here: digits. Every function gets the place after the opening quote, and gives the one after the closing
   quote, or NULL. */

#ifndef RDS_LAKE_NUMBERS_H
#define RDS_LAKE_NUMBERS_H

#include <stdint.h>

enum { PRECISION = 38 };

__extension__ typedef unsigned __int128 wide; /* gcc and clang have it wherever pointers have 64 bits */

static inline int is_digit(char c)
{
    return (unsigned)(c - '0') < 10;
}

static inline const char *read_integer(const char *p, int64_t *into)
{
    int negative = *p == '-';
    const char *first = p += negative;
    uint64_t value = 0;
    while (is_digit(*p) && p - first < 19)
        value = value * 10 + (uint64_t)(*p++ - '0');
    if (p == first || *p != '"' || (*first == '0' && p - first > 1) || value > (uint64_t)INT64_MAX + (unsigned)negative)
        return NULL;
    *into = (int64_t)(negative ? 0 - value : value);
    return p + 1;
}

/* Adds digits to `value`, at most `most` of them. 18 at a time fit 64 bits, which are much faster than 128. */
static inline const char *read_digits(const char *p, int most, wide *value)
{
    static const uint64_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000,
        10000000000, 100000000000, 1000000000000, 10000000000000, 100000000000000, 1000000000000000,
        10000000000000000, 100000000000000000, 1000000000000000000};
    while (most > 0 && is_digit(*p)) {
        uint64_t part = 0;
        int count = 0;
        while (count < 18 && count < most && is_digit(*p))
            part = part * 10 + (uint64_t)(*p++ - '0'), count++;
        *value = *value * tens[count] + part;
        most -= count;
    }
    return p;
}

static inline void write_decimal(wide value, int negative, void *into)
{
    if (negative)
        value = 0 - value;
    uint64_t halves[2] = {(uint64_t)value, (uint64_t)(value >> 64)};
    memcpy(into, halves, sizeof halves);
}

/* A decimal(38,scale) as 16 bytes, lowest first. */
static inline const char *read_decimal(const char *p, int scale, const wide *powers, void *into)
{
    int negative = *p == '-';
    const char *first = p += negative;
    wide value = 0;
    if (*p == '0')
        p++;
    else
        p = read_digits(p, PRECISION - scale, &value);
    if (p == first)
        return NULL;
    int missing = scale;
    if (*p == '.') {
        const char *point = p + 1;
        p = read_digits(point, scale, &value);
        if (p == point)
            return NULL;
        missing -= (int)(p - point);
    }
    if (*p != '"')
        return NULL;
    write_decimal(value * powers[missing], negative, into);
    return p + 1;
}

/* A number as JSON allows it, unread. */
static inline const char *skip_number(const char *p)
{
    const char *first = p += *p == '-';
    while (is_digit(*p))
        p++;
    if (p == first || (*first == '0' && p - first > 1))
        return NULL;
    if (*p == '.') {
        first = ++p;
        while (is_digit(*p))
            p++;
        if (p == first)
            return NULL;
    }
    if (*p == 'e' || *p == 'E') {
        p += 1 + (p[1] == '+' || p[1] == '-');
        first = p;
        while (is_digit(*p))
            p++;
        if (p == first)
            return NULL;
    }
    return *p == '"' ? p + 1 : NULL;
}

/* Any number that JSON allows and that has at most `scale` digits after the point once its exponent is applied, times
   ten to the power of `scale`: `1E+2`, `5E-05`, `1.50`. Rarely needed, and slower. */
static const char *read_scaled(const char *p, int scale, const wide *powers, wide *value, int *negative)
{
    int digits = 0, fraction = 0, exponent = 0, down = 0;
    const char *end = skip_number(p);
    if (!end)
        return NULL;
    p += *negative = *p == '-';
    *value = 0;
    for (int pointed = 0; is_digit(*p) || *p == '.'; p++) {
        if (*p == '.') {
            pointed = 1;
            continue;
        }
        *value = *value * 10 + (unsigned)(*p - '0');
        digits += *value != 0;
        fraction += pointed;
        if (digits > PRECISION || fraction > 1000)
            return NULL;
    }
    if (*p == 'e' || *p == 'E') {
        down = *++p == '-';
        for (p += *p == '-' || *p == '+'; is_digit(*p); p++)
            if ((exponent = exponent * 10 + *p - '0') > 1000)
                return NULL;
    }
    int shift = scale - fraction + (down ? -exponent : exponent);
    for (; shift < 0 && *value && *value % 10 == 0; shift++, digits--)
        *value /= 10;
    if (shift < 0 || digits + shift > PRECISION)
        return NULL;
    *value *= powers[shift];
    return end;
}

static const char *read_odd_decimal(const char *p, int scale, const wide *powers, void *into)
{
    int negative;
    wide value;
    if ((p = read_scaled(p, scale, powers, &value, &negative)))
        write_decimal(value, negative, into);
    return p;
}

static const char *read_odd_integer(const char *p, const wide *powers, int64_t *into)
{
    int negative;
    wide value;
    p = read_scaled(p, 0, powers, &value, &negative);
    if (!p || value > (uint64_t)INT64_MAX + (unsigned)negative)
        return NULL;
    *into = (int64_t)(negative ? 0 - (uint64_t)value : (uint64_t)value);
    return p;
}

#endif
