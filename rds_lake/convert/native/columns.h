/* Columns while they are filled, and the way they leave: as Arrow's buffers, one after the other in one piece of memory.

   A column is written when a value comes; the rows before, which had none, become null then. So an attribute that an
   item lacks costs nothing per item. Scratch memory stays from chunk to chunk.

   What belongs here: memory. What the values are is not known here. */

#ifndef RDS_LAKE_COLUMNS_H
#define RDS_LAKE_COLUMNS_H

#include "text.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Arrow's decimals are written lowest byte first: here the portable parser does it"
#endif

enum kind { TEXT, NUMBER, INTEGER, DECIMAL, BOOLEAN, BINARY, LIST, STRUCT, JSON, NOTHING, BELOW };

/* A name, and its first and last eight bytes as numbers: most names are compared by these alone. */
typedef struct {
    const char *at;
    size_t length;
    uint64_t head, tail;
} name;

/* One column, field or element of the plan; or, of kind BELOW, what is known of values within JSON text.
   `compiled.py` describes nodes in this order: each is followed by its children. */
typedef struct {
    int32_t kind, tag, tags, scale, free_form, children, name_at, name_length;
} description;

typedef struct node {
    int kind, tag, tags, scale, free_form; /* `tags` and `free_form` are of JSON and BELOW */
    struct node *children;                 /* of a map: its fields; of a list: one element */
    int count;
    name name;
    int as_is;                             /* the name needs no escapes in JSON */
    struct node *next, *first;             /* the sibling that came after this one last time; the child that came first */
    struct node **table;                   /* children by the hash of their names: `names.h` */
    size_t table_mask;
    bytes valid, ends, values;             /* one byte each; int32 each; of the kind's own size */
    size_t length, nulls;
} node;

/* What a column takes of the piece: places of its buffers, then their sizes; no validity if nothing is null. */
typedef struct {
    int64_t length, nulls, valid, ends, values, values_size;
} place;

static inline size_t width(int kind)
{
    return kind == INTEGER ? 8 : kind == DECIMAL ? 16 : kind == BOOLEAN ? 1 : 0;
}

static inline int has_ends(int kind)
{
    return kind == TEXT || kind == NUMBER || kind == BINARY || kind == LIST || kind == JSON;
}

/* Makes the column at least `rows` long, with nulls. */
static int pad(node *column, size_t rows)
{
    if (column->length >= rows)
        return 1;
    size_t missing = rows - column->length, size = width(column->kind) * missing;
    if (!reserve(&column->valid, missing) || !reserve(&column->values, size) || !reserve(&column->ends, 4 * missing))
        return 0;
    memset(column->valid.at + column->valid.length, 0, missing);
    column->valid.length += missing;
    if (size)
        memset(column->values.at + column->values.length, 0, size);
    column->values.length += size;
    if (has_ends(column->kind)) {
        int32_t *ends = (int32_t *)column->ends.at + column->length, last = column->length ? ends[-1] : 0;
        for (size_t i = 0; i < missing; i++)
            ends[i] = last;
        column->ends.length += 4 * missing;
    }
    column->length = rows;
    column->nulls += missing;
    return 1;
}

/* One more value: what it is was written before, where it ends is `end`. */
static inline int finish_value(node *column, size_t end)
{
    int32_t place = (int32_t)end;
    if (!append(&column->valid, "\1", 1) || (has_ends(column->kind) && !append(&column->ends, &place, 4)))
        return 0;
    column->length++;
    return 1;
}

static void empty(node *column)
{
    column->valid.length = column->ends.length = column->values.length = column->length = column->nulls = 0;
    for (int i = 0; i < column->count; i++)
        empty(&column->children[i]);
}

static int64_t aligned(int64_t at)
{
    return (at + 63) & ~(int64_t)63;
}

/* Says where the buffers of the column and of all below go, from `at` on; pads fields to their struct's length.
   The place after them, or -1 if there is no memory. */
static int64_t lay_out(node *column, place **into, int64_t at)
{
    int64_t length = (int64_t)column->length;
    if (column->kind == BELOW)
        return at;
    place *mine = (*into)++;
    *mine = (place){length, (int64_t)column->nulls, -1, -1, -1, 0};
    if (column->nulls && column->kind != NOTHING)
        mine->valid = at, at = aligned(at + (length + 7) / 8);
    if (has_ends(column->kind))
        mine->ends = at, at = aligned(at + 4 * (length + 1));
    if (column->kind != LIST && column->kind != STRUCT && column->kind != NOTHING) {
        mine->values_size = column->kind == BOOLEAN ? (length + 7) / 8 : (int64_t)column->values.length;
        mine->values = at, at = aligned(at + mine->values_size);
    }
    for (int i = 0; i < column->count && column->kind != JSON && at >= 0; i++)
        at = column->kind == STRUCT && !pad(&column->children[i], column->length) ? -1 : lay_out(&column->children[i], into, at);
    return at;
}

static void pack_bits(const bytes *from, char *to)
{
    size_t i = 0;
    for (; i + 8 <= from->length; i += 8) {
        unsigned char packed = 0;
        for (int bit = 0; bit < 8; bit++)
            packed |= (unsigned char)(from->at[i + bit] << bit);
        *to++ = (char)packed;
    }
    if (i < from->length) {
        unsigned char packed = 0;
        for (int bit = 0; i < from->length; i++, bit++)
            packed |= (unsigned char)(from->at[i] << bit);
        *to = (char)packed;
    }
}

/* Copies the buffers to where `lay_out` said. */
static void copy_out(const node *column, const place **from, char *to)
{
    if (column->kind == BELOW)
        return;
    const place *mine = (*from)++;
    if (mine->valid >= 0)
        pack_bits(&column->valid, to + mine->valid);
    if (mine->ends >= 0) {
        memset(to + mine->ends, 0, 4);
        if (column->ends.length)
            memcpy(to + mine->ends + 4, column->ends.at, column->ends.length);
    }
    if (mine->values >= 0 && column->kind == BOOLEAN)
        pack_bits(&column->values, to + mine->values);
    else if (mine->values >= 0 && column->values.length)
        memcpy(to + mine->values, column->values.at, column->values.length);
    for (int i = 0; i < column->count && column->kind != JSON; i++)
        copy_out(&column->children[i], from, to);
}

#endif
