/* Gives recorded chunks to the parser, each in memory of exactly its size: built with sanitizers, a byte read or written
   beyond it ends the program. The record: for each case a line "columns names chunk" of sizes, then the three as bytes. */

#include "../../../rds_lake/convert/native/parser.c"

#include <stdio.h>

static void *take(FILE *from, size_t size, size_t more)
{
    char *at = malloc(size + more);
    if (!at || fread(at, 1, size, from) != size)
        exit(2);
    memset(at + size, 0, more);
    return at;
}

int main(int count, char **names)
{
    FILE *from = count == 2 ? fopen(names[1], "rb") : NULL;
    size_t columns, named, size;
    long read = 0, left = 0;
    if (!from)
        return 2;
    while (fscanf(from, "%zu %zu %zu", &columns, &named, &size) == 3 && fgetc(from) == '\n') {
        description *described = take(from, columns * sizeof *described, 0);
        char *text = take(from, named, 0), *chunk = take(from, size, 1);
        place *places = malloc(columns * sizeof *places);
        reader *r = rl_open(described, text, (int64_t)named);
        for (int turn = 0; turn < 2; turn++) { /* the second time scratch memory has its size already */
            if (rl_parse(r, chunk, (int64_t)size) < 0) {
                left++;
                continue;
            }
            int64_t room = rl_lay_out(r, places);
            char *memory = malloc((size_t)room);
            rl_copy(r, places, memory);
            free(memory);
            read++;
        }
        rl_close(r);
        free(described), free(text), free(chunk), free(places);
    }
    fclose(from);
    printf("%ld read, %ld left\n", read, left);
    return 0;
}
