// The columns of classes (classes.go): bytes from one to the next, and where each
// begins.
#define COLUMN 272
#define DIGIT_ (0*COLUMN)
#define HIGH_ (1*COLUMN)
#define ESCAPE_ (2*COLUMN)
#define WIDE_ (3*COLUMN)
#define SEP_ (4*COLUMN)
#define JOINT_ (5*COLUMN)
#define BASE_ (6*COLUMN)
#define DOT_ (7*COLUMN)
#define AT_ (8*COLUMN)
#define ASSIGN_ (9*COLUMN)
#define CJK_ (10*COLUMN)
#define KATA_ (11*COLUMN)
#define ALPHA_ (12*COLUMN)
#define TOKEN_ (13*COLUMN)
#define SIGN_ (14*COLUMN)

// The kinds of triggers (triggers.go), likewise.
#define KIND 264
#define joined (0*KIND)
#define rows (1*KIND)
#define others (2*KIND)
#define views (3*KIND)
#define marks (4*KIND)
#define text (5*KIND)

// The bits of asciiClasses (classes_amd64.go).
#define escapeBit 1
#define sepBit 2
#define jointBit 4
#define tokenBit 8
#define assignBit 0x10
#define atBit 0x40
