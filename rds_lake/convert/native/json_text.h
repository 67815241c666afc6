/* Values that become JSON text, written while they are read; `json_text.py` says what it looks like.

   Below an attribute of several types the tree still knows every key and type: what it does not know is for Python to
   learn. Below one that is too deep or has too many keys (`tree` is NULL) anything goes.

   What belongs here: JSON out. */

#ifndef RDS_LAKE_JSON_TEXT_H
#define RDS_LAKE_JSON_TEXT_H

#include "reader.h"

enum { DEEPEST = 100 }; /* DynamoDB allows 32 levels */

static const char *text_value(reader *r, const char *p, const node *tree, bytes *out, int depth);

static const char *text_string(reader *r, const char *p, bytes *out)
{
    if (*p != '"')
        return odd(r);
    const char *stop = string_stop(p + 1, r->end);
    if (*stop == '"')
        return append(out, p, (size_t)(stop + 1 - p)) ? stop + 1 : odd(r);
    r->scratch.length = 0;
    p = decode_string(p + 1, r->end, &r->scratch);
    return p && append_quoted(out, r->scratch.at, r->scratch.length) ? p : odd(r);
}

static const char *text_number(reader *r, const char *p, bytes *out)
{
    const char *end = *p == '"' ? skip_number(p + 1) : NULL;
    return end && append(out, p + 1, (size_t)(end - p - 2)) ? end : odd(r);
}

static const char *text_list(reader *r, const char *p, int tag, const node *element, bytes *out, int depth)
{
    if (!(p = after_one(r, p, '[')) || !append(out, "[", 1))
        return odd(r);
    for (int first = 1; *p != ']'; first = 0) {
        if (!first && (!(p = after_one(r, p, ',')) || !append(out, ",", 1)))
            return odd(r);
        p = tag == L_TAG ? text_value(r, p, element, out, depth + 1)
            : tag == NS_TAG ? text_number(r, p, out) : text_string(r, p, out);
        if (!p)
            return NULL;
        p = skip_spaces(p);
    }
    return append(out, "]", 1) ? p + 1 : odd(r);
}

/* A key and its value as written, `"a":1`: from where on, how much of it is the key, how much it is in all. */
typedef struct {
    size_t start, key, whole;
    const char *at;
} member;

static int by_key(const void *one, const void *other)
{
    const member *a = one, *b = other;
    int order = memcmp(a->at, b->at, a->key < b->key ? a->key : b->key);
    return order ? order : (a->key > b->key) - (a->key < b->key);
}

/* Brings the members from `start` on into the order of their keys; 0 if one is there twice or there is no memory. */
static int sort_members(reader *r, member *members, size_t count, bytes *out, size_t start)
{
    int sorted = 1;
    for (size_t i = 0; i < count; i++) {
        members[i].at = out->at + members[i].start;
        sorted = sorted && (!i || by_key(&members[i - 1], &members[i]) < 0);
    }
    if (sorted)
        return 1;
    qsort(members, count, sizeof *members, by_key);
    r->scratch.length = 0;
    for (size_t i = 0; i < count; i++) {
        if (i && (by_key(&members[i - 1], &members[i]) == 0 || !append(&r->scratch, ",", 1)))
            return 0;
        if (!append(&r->scratch, members[i].at, members[i].whole))
            return 0;
    }
    memcpy(out->at + start, r->scratch.at, r->scratch.length);
    return 1;
}

static const char *text_member(reader *r, const char *p, const node *tree, bytes *out, int depth)
{
    member mine = {.start = out->length};
    const char *name = p;
    if (!(p = text_string(r, p, out)))
        return NULL;
    mine.key = out->length - mine.start;
    node *below = NULL;
    if (tree && !read_name(r, name, tree, NULL, &below))
        return NULL;
    if (!(p = after_one(r, skip_spaces(p), ':')) || !append(out, ":", 1))
        return odd(r);
    if (!(p = text_value(r, p, below, out, depth + 1)))
        return NULL;
    mine.whole = out->length - mine.start;
    return append(&r->members, &mine, sizeof mine) ? skip_spaces(p) : odd(r);
}

static const char *text_map(reader *r, const char *p, const node *tree, bytes *out, int depth)
{
    size_t before = r->members.length;
    if (!(p = after_one(r, p, '{')) || !append(out, "{", 1))
        return odd(r);
    size_t start = out->length;
    while (*p != '}') {
        if (r->members.length > before && (!(p = after_one(r, p, ',')) || !append(out, ",", 1)))
            return odd(r);
        if (!(p = text_member(r, p, tree, out, depth)))
            return NULL;
    }
    size_t count = (r->members.length - before) / sizeof(member);
    if (count && !sort_members(r, (member *)(r->members.at + before), count, out, start))
        return odd(r);
    r->members.length = before;
    return append(out, "}", 1) ? p + 1 : odd(r);
}

/* What is below a type tag that the tree allows. */
static const char *text_content(reader *r, const char *p, int tag, const node *tree, bytes *out, int depth)
{
    switch (tag) {
    case S_TAG:
    case B_TAG:
        return text_string(r, p, out);
    case N_TAG:
        return text_number(r, p, out);
    case NULL_TAG:
        p = after(r, p, "true");
        return p && append(out, "null", 4) ? p : odd(r);
    case BOOL_TAG:
        if (*p == 't')
            return append(out, "true", 4) ? after(r, p, "true") : odd(r);
        return append(out, "false", 5) ? after(r, p, "false") : odd(r);
    case M_TAG:
        return text_map(r, p, tree, out, depth);
    default:
        return text_list(r, p, tag, tree ? tree->children : NULL, out, depth);
    }
}

static const char *text_value(reader *r, const char *p, const node *tree, bytes *out, int depth)
{
    int tag;
    if (depth > DEEPEST || !(p = read_tag(r, p, &tag)))
        return odd(r);
    if (tree && tree->free_form)
        tree = NULL;
    if (tree && !(tree->tags >> tag & 1))
        return fails(r, UNKNOWN);
    p = text_content(r, p, tag, tree, out, depth);
    return p ? after_one(r, skip_spaces(p), '}') : NULL;
}

#endif
