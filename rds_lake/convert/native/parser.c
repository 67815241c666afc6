/* DynamoDB JSON straight to Arrow's buffers, for chunks that are as the plan says.

   Driven by the plan: `compiled.py` describes the columns once, then gives chunks of whole lines. Whatever is not as
   expected (a new attribute, another type, a number that does not fit, bad JSON) ends the chunk with a reason, and Python
   reads it: it learns, or says what is wrong with which line. So no rule about bad input lives here.

   One reader is for one thread; nothing is shared, and Python's lock is not held.

   What belongs here: items and typed values, and the functions that Python calls. */

#include "base64.h"
#include "json_text.h"

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

static const char *read_value(reader *r, const char *p, node *column);

static const char *read_text(reader *r, const char *p, node *column)
{
    const char *stop = string_stop(p, r->end);
    if (*stop == '"')
        return append(&column->values, p, (size_t)(stop - p)) ? stop + 1 : NULL;
    return decode_string(p, r->end, &column->values);
}

static const char *read_binary(reader *r, const char *p, node *column)
{
    const char *stop = string_stop(p, r->end), *text = p;
    size_t length = (size_t)(stop - p);
    if (*stop != '"') { /* a slash may be written `\/` */
        r->scratch.length = 0;
        if (!(p = decode_string(p, r->end, &r->scratch)))
            return NULL;
        text = r->scratch.at, length = r->scratch.length;
    } else {
        p = stop + 1;
    }
    return base64_decode(text, length, &column->values) ? p : NULL;
}

/* A value in quotes: of the column's own type, or one of a set. */
static inline const char *read_quoted(reader *r, const char *p, node *column)
{
    const char *start = p + 1;
    size_t size = width(column->kind);
    if (*p != '"' || !reserve(&column->values, size))
        return odd(r);
    void *into = size ? column->values.at + column->values.length : NULL;
    switch (column->kind) {
    case INTEGER:
        if (!(p = read_integer(start, into)))
            p = read_odd_integer(start, r->powers, into);
        break;
    case DECIMAL:
        if (!(p = read_decimal(start, column->scale, r->powers, into)))
            p = read_odd_decimal(start, column->scale, r->powers, into);
        break;
    case TEXT: p = read_text(r, start, column); break;
    case BINARY: p = read_binary(r, start, column); break;
    default: /* NUMBER: as it is written */
        p = skip_number(start);
        if (p && !append(&column->values, start, (size_t)(p - 1 - start)))
            p = NULL;
    }
    column->values.length += p ? size : 0;
    return p && finish_value(column, column->values.length) ? p : odd(r);
}

static const char *read_boolean(reader *r, const char *p, node *column)
{
    char value = *p == 't';
    if (!(p = after(r, p, value ? "true" : "false")))
        return NULL;
    return append(&column->values, &value, 1) && finish_value(column, 0) ? p : odd(r);
}

static const char *read_list(reader *r, const char *p, node *column)
{
    node *element = column->children;
    if (!(p = after_one(r, p, '[')))
        return NULL;
    for (int first = 1; *p != ']'; first = 0) {
        if (!first && !(p = after_one(r, p, ',')))
            return NULL;
        p = column->tag == L_TAG ? read_value(r, p, element) : read_quoted(r, p, element);
        if (!p)
            return NULL;
        p = skip_spaces(p);
    }
    return finish_value(column, element->length) ? p + 1 : odd(r);
}

/* The attributes of an item or map, for the row after the last one. */
static const char *read_fields(reader *r, const char *p, node *map)
{
    size_t row = map->length;
    node **guess = &map->first;
    if (!(p = after_one(r, p, '{')))
        return NULL;
    for (int first = 1; *p != '}'; first = 0) {
        node *field;
        if (!first && !(p = after_one(r, p, ',')))
            return NULL;
        if (!(p = read_name(r, p, map, *guess, &field)))
            return NULL;
        *guess = field;
        guess = &field->next;
        if (field->length > row || !pad(field, row)) /* longer: the attribute is there twice */
            return odd(r);
        if (!(p = read_value(r, p, field)))
            return NULL;
        p = skip_spaces(p);
    }
    return finish_value(map, 0) ? p + 1 : odd(r);
}

static const char *read_text_column(reader *r, const char *p, int tag, node *column)
{
    if (!column->free_form && !(column->tags >> tag & 1))
        return fails(r, UNKNOWN);
    p = text_content(r, p, tag, column->free_form ? NULL : column, &column->values, 0);
    return !p ? NULL : finish_value(column, column->values.length) ? p : odd(r);
}

/* A typed value, `{"S":"x"}`. */
static const char *read_value(reader *r, const char *p, node *column)
{
    int tag;
    if (!(p = read_tag(r, p, &tag)))
        return NULL;
    if (tag == NULL_TAG)
        p = pad(column, column->length + 1) ? after(r, p, "true") : odd(r);
    else if (column->kind == JSON)
        p = read_text_column(r, p, tag, column);
    else if (tag != column->tag)
        return fails(r, UNKNOWN);
    else if (column->kind == STRUCT)
        p = read_fields(r, p, column);
    else if (column->kind == LIST)
        p = read_list(r, p, column);
    else
        p = column->kind == BOOLEAN ? read_boolean(r, p, column) : read_quoted(r, p, column);
    return p ? after_one(r, skip_spaces(p), '}') : NULL;
}

/* A line, `{"Item":{…}}`. */
static const char *read_line(reader *r, const char *p)
{
    size_t length = r->root.name.length;
    if (!(p = after_one(r, skip_spaces(p), '{')) || (size_t)(r->end - p) < length + 2)
        return odd(r);
    if (*p != '"' || !is_name(&r->root.name, p + 1) || p[length + 1] != '"')
        return odd(r);
    if (!(p = after_one(r, skip_spaces(p + length + 2), ':')) || !(p = read_fields(r, p, &r->root)))
        return NULL;
    if (!(p = after_one(r, skip_spaces(p), '}')))
        return NULL;
    return *p == '\n' ? p + 1 : p == r->end ? p : odd(r);
}

static void discard(node *column)
{
    for (int i = 0; i < column->count; i++)
        discard(&column->children[i]);
    free(column->children);
    free(column->table);
    free(column->valid.at);
    free(column->ends.at);
    free(column->values.at);
}

/* Makes the node and what is below it; NULL if there is no memory. */
static const description *build(const description *from, const char *names, node *into)
{
    *into = (node){.kind = from->kind, .tag = from->tag, .tags = from->tags, .scale = from->scale,
        .free_form = from->free_form, .as_is = 1};
    name *mine = &into->name;
    *mine = (name){.at = names + from->name_at, .length = (size_t)from->name_length};
    mine->head = head_of(mine->at, mine->length), mine->tail = tail_of(mine->at, mine->length);
    for (size_t i = 0; i < mine->length; i++)
        into->as_is = into->as_is && !stops((unsigned char)mine->at[i]);
    int count = from->children;
    from++;
    if (count && !(into->children = calloc((size_t)count, sizeof(node))))
        return NULL;
    while (into->count < count && from)
        from = build(from, names, &into->children[into->count++]);
    /* The first child of JSON text is what its lists hold, if it has lists; the others are fields. */
    int first = into->kind != STRUCT && into->tags >> L_TAG & 1;
    return from && (into->kind == LIST || into->count <= first || index_fields(into, first)) ? from : NULL;
}

/* Changes whenever Python and this file would misunderstand each other. */
EXPORTED int rl_version(void)
{
    return 3;
}

EXPORTED void rl_close(reader *r)
{
    if (!r)
        return;
    discard(&r->root);
    free(r->names);
    free(r->scratch.at);
    free(r->members.at);
    free(r);
}

/* A reader for the columns described; NULL if there is no memory. */
EXPORTED reader *rl_open(const description *columns, const char *names, int64_t length)
{
    reader *r = calloc(1, sizeof *r);
    if (!r || !(r->names = malloc((size_t)length + 1)))
        goto failed;
    memcpy(r->names, names, (size_t)length);
    r->powers[0] = 1;
    for (int i = 1; i <= PRECISION; i++)
        r->powers[i] = r->powers[i - 1] * 10;
    if (build(columns, r->names, &r->root))
        return r;
failed:
    rl_close(r);
    return NULL;
}

/* Reads a chunk that a NUL follows. The number of its items, or minus one of `why`. */
EXPORTED int64_t rl_parse(reader *r, const char *data, int64_t length)
{
    r->end = data + length;
    r->members.length = 0;
    empty(&r->root);
    for (const char *p = data, *next; p < r->end; p = next)
        if (!(next = read_line(r, p))) {
            r->stopped = p - data;
            return -(int64_t)r->why;
        }
    return (int64_t)r->root.length;
}

/* Where the line begins at which the last chunk was left. */
EXPORTED int64_t rl_stopped(const reader *r)
{
    return r->stopped;
}

/* How many line feeds there are: the compiler makes this five times as fast as Python's own `count`. */
EXPORTED int64_t rl_lines(const char *data, int64_t length)
{
    int64_t count = 0;
    for (int64_t i = 0; i < length; i++)
        count += data[i] == '\n';
    return count;
}

/* Where the buffers will be in a piece of memory, one place per column in the order described; its size, or -1. */
EXPORTED int64_t rl_lay_out(reader *r, place *places)
{
    return lay_out(&r->root, &places, 0);
}

EXPORTED void rl_copy(const reader *r, const place *places, char *to)
{
    copy_out(&r->root, &places, to);
}
