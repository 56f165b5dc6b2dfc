/*
 * When a reader may take a row although its bucket's version has changed: rows are recycled as spares all the time.
 *
 * One entry, three row slices, a writer that fills a spare, and commits it or dies before; its successor goes on with
 * the same spare. A row has two halves, written one after the other, that must belong together and be of a commit.
 *
 * The odd sequence of a row under way is not needed for this: the entry would tell. It is what `verify` knows unfinished
 * rows by.
 *
 * Variants that must fail:
 *   SEQUENCE_FIRST  the reader looks at the entry last: a row never committed was recycled in between
 *   NO_ENTRY        it does not look at the entry again at all
 */
#define ROWS 3
#define WRITES 4

byte entry;
byte sequence[ROWS], left[ROWS], right[ROWS];
bool committed[16];
byte content = 1;

proctype Writer() {
  byte spare = 1, before, n = 0;
  do
  :: n < WRITES ->
     n++; content++;
     sequence[spare] = sequence[spare] | 1;
     left[spare] = content;
     right[spare] = content;
     sequence[spare] = ((sequence[spare] | 1) + 1);
     if
     :: before = entry;
        atomic { entry = spare; committed[content] = true };
        spare = before
     :: true                      /* dies; recovery leaves the spare to the successor */
     fi
  :: else -> break
  od
}

proctype Reader() {
  byte row, seen, a, b, n = 0;
  do
  :: n < 2 ->
     n++;
     row = entry; seen = sequence[row]; a = left[row]; b = right[row];
#ifdef NO_ENTRY
     if :: (seen & 1) == 0 && sequence[row] == seen -> assert(a == b && committed[a]) :: else fi
#else
#ifdef SEQUENCE_FIRST
     if :: (seen & 1) == 0 && sequence[row] == seen -> if :: entry == row -> assert(a == b && committed[a]) :: else fi :: else fi
#else
     if :: entry == row -> if :: (seen & 1) == 0 && sequence[row] == seen -> assert(a == b && committed[a]) :: else fi :: else fi
#endif
#endif
  :: else -> break
  od
}

init { atomic { entry = 0; sequence[0] = 2; left[0] = 1; right[0] = 1; committed[1] = true; run Writer(); run Reader() } }
