/* Names of attributes, found fast: half of the work for items with many optional attributes.

   What belongs here: names and their table. */

#ifndef RDS_LAKE_NAMES_H
#define RDS_LAKE_NAMES_H

#include "columns.h"

static inline uint64_t load(const char *p, size_t count)
{
    uint64_t word = 0;
    memcpy(&word, p, count);
    return word;
}

/* At most eight bytes as a number, the same for the same bytes; reads no byte beyond. */
static inline uint64_t head_of(const char *p, size_t length)
{
    if (length >= 8)
        return load(p, 8);
    if (length >= 4)
        return load(p, 4) | load(p + length - 4, 4) << 32;
    return length >= 2 ? load(p, 2) | load(p + length - 2, 2) << 16 : length ? (unsigned char)*p : 0;
}

static inline uint64_t tail_of(const char *p, size_t length)
{
    return length > 8 ? load(p + length - 8, 8) : 0;
}

/* Whether these bytes, as many as the name has, are the name. */
static inline int is_name(const name *known, const char *p)
{
    size_t length = known->length;
    return head_of(p, length) == known->head && tail_of(p, length) == known->tail
        && (length <= 16 || memcmp(p + 8, known->at + 8, length - 16) == 0);
}

static inline size_t hash_of(const char *p, size_t length)
{
    const uint64_t odd = 0x9e3779b97f4a7c15u;
    uint64_t hash = (head_of(p, length) ^ length) * odd;
    hash = (hash ^ hash >> 32 ^ tail_of(p, length)) * odd;
    for (size_t i = 8; i + 8 < length; i += 8)
        hash = (hash ^ hash >> 32 ^ load(p + i, 8)) * odd;
    return (size_t)(hash ^ hash >> 32);
}

static node *find_field(const node *map, const char *p, size_t length)
{
    if (!map->table)
        return NULL;
    for (size_t place = hash_of(p, length); map->table[place & map->table_mask]; place++) {
        node *found = map->table[place & map->table_mask];
        if (found->name.length == length && is_name(&found->name, p))
            return found;
    }
    return NULL;
}

/* Makes the table of the fields from `first` on; 0 if there is no memory. */
static int index_fields(node *map, int first)
{
    size_t room = 8;
    while (room < 2 * (size_t)map->count)
        room *= 2;
    if (!(map->table = calloc(room, sizeof *map->table)))
        return 0;
    map->table_mask = room - 1;
    for (int i = first; i < map->count; i++) {
        node *field = &map->children[i];
        size_t place = hash_of(field->name.at, field->name.length);
        while (map->table[place & map->table_mask])
            place++;
        map->table[place & map->table_mask] = field;
    }
    return 1;
}

#endif
