/* What reading a chunk has at hand, and the small steps: one character, one type tag, one attribute's name.

   What belongs here: tokens of DynamoDB JSON. A step that fails says why in the reader and gives NULL. */

#ifndef RDS_LAKE_READER_H
#define RDS_LAKE_READER_H

#include "columns.h"
#include "names.h"
#include "numbers.h"

/* In the order of `tree.TAGS`. */
enum tag { S_TAG, N_TAG, B_TAG, BOOL_TAG, NULL_TAG, SS_TAG, NS_TAG, BS_TAG, L_TAG, M_TAG };

/* Why a chunk is not for us: an attribute or type that the plan lacks, or anything else. */
enum why { UNKNOWN = 1, ODD = 2 };

typedef struct {
    const char *end;
    enum why why;
    int64_t stopped;
    node root;
    char *names;
    bytes scratch, members;
    wide powers[PRECISION + 1];
} reader;

static const char *fails(reader *r, enum why why)
{
    r->why = why;
    return NULL;
}

static const char *odd(reader *r)
{
    return fails(r, ODD);
}

/* The place after the literal and the spaces that follow. */
static inline const char *after(reader *r, const char *p, const char *literal)
{
    while (*literal)
        if (*p++ != *literal++)
            return odd(r);
    return skip_spaces(p);
}

static inline const char *after_one(reader *r, const char *p, char c)
{
    return *p == c ? skip_spaces(p + 1) : odd(r);
}

/* The beginning of a typed value, `{"S":`. */
static inline const char *read_tag(reader *r, const char *p, int *tag)
{
    if (!(p = after_one(r, p, '{')) || *p++ != '"')
        return odd(r);
    int of_set = *p && p[1] == 'S';
    switch (*p) {
    case 'S': *tag = of_set ? SS_TAG : S_TAG; break;
    case 'N': *tag = of_set ? NS_TAG : p[1] == 'U' ? NULL_TAG : N_TAG; break;
    case 'B': *tag = of_set ? BS_TAG : p[1] == 'O' ? BOOL_TAG : B_TAG; break;
    case 'L': *tag = L_TAG, of_set = 0; break;
    case 'M': *tag = M_TAG, of_set = 0; break;
    default: return odd(r);
    }
    if (*tag == NULL_TAG || *tag == BOOL_TAG)
        p = after(r, p, *tag == NULL_TAG ? "NULL" : "BOOL");
    else
        p += 1 + of_set;
    if (!p || *p != '"')
        return odd(r);
    p = skip_spaces(p + 1);
    return after_one(r, p, ':');
}

/* The name of an attribute, up to the value after its colon. `guess` is the field to try before looking it up. */
static inline const char *read_name(reader *r, const char *p, const node *map, node *guess, node **field)
{
    if (*p++ != '"')
        return odd(r);
    size_t length = guess ? guess->name.length : 0;
    if (guess && guess->as_is && (size_t)(r->end - p) > length && p[length] == '"' && is_name(&guess->name, p)) {
        *field = guess;
        return after_one(r, skip_spaces(p + length + 1), ':');
    }
    const char *stop = string_stop(p, r->end), *text = p;
    if (*stop == '"') {
        length = (size_t)(stop - p);
        p = stop + 1;
    } else {
        r->scratch.length = 0;
        if (!(p = decode_string(p, r->end, &r->scratch)))
            return odd(r);
        text = r->scratch.at, length = r->scratch.length;
    }
    *field = find_field(map, text, length);
    return *field ? after_one(r, skip_spaces(p), ':') : fails(r, UNKNOWN);
}

#endif
