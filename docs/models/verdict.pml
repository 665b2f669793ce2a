/* One observation at one beacon: strangers' false proofs, the deadline, a crash at any moment, and the one verdict.
 *
 * Challenge mode is what is modelled by default (and keyed mode: what comes here has shown its claim), value mode with
 * -DVALUE_MODE. Strangers have ADDRESSES addresses and send up to FALSE false proofs, on links that they may have opened before the
 * request; the device has an address of its own. An address that sent a false proof is held off; nobody waits until that ends.
 *
 * Faults, each of which breaks a property:
 *   MISMATCH_LIMIT   in challenge mode, too, MISMATCHES false proofs decide
 *   LINKS_STAY       a false proof ends its own link only: the other links of that address are judged, and counted
 *   FALSE_ENDS       a false proof decides at once
 *   ANSWER_FIRST     the answer leaves before the verdict is recorded
 *   TELL_FIRST       the device is told before the verdict is recorded
 *   NOT_ONCE         the deadline decides, whatever was decided before
 */

#ifndef ADDRESSES
#define ADDRESSES 3
#endif
#define FALSE 4
#define MISMATCHES 3
#define DEVICE ADDRESSES /* the device's own address */

#if defined(VALUE_MODE) || defined(MISMATCH_LIMIT)
#define limited true
#else
#define limited false
#endif

mtype = { none, valid, invalid, failed };

chan proof = [0] of { byte /* address */, bool /* right */ };

/* The beacon's memory, which a crash clears. */
bit heldOff[ADDRESSES];
byte mismatches;
bit attempted; /* a false proof came */

/* Its journal, which a crash leaves. */
mtype recorded = none;

/* What others have seen. */
mtype answered = none; /* the first answer that got to the server */
bit another;           /* ... and later one that says something else */
bit told;              /* the device was told "valid" */

bit due;       /* the deadline has passed */
bit over;      /* ... and the beacon has acted on it */
bit crashed;   /* once at most */
bit presented; /* the device brought its right proof before the deadline; after a crash that lost it, not yet again */

inline answer(status)
{
    if
    :: answered == none -> answered = status
    :: answered != none && answered != status -> another = true
    :: else
    fi
}

#define crash_here if :: !crashed -> goto crash :: skip fi

/* In this order: record verdict and answer in one transaction, answer the server, tell the device. */
inline conclude(status)
{
#ifdef ANSWER_FIRST
    answer(status);
#endif
#ifdef TELL_FIRST
    told = told || status == valid;
#endif
    crash_here;
    recorded = status;
    crash_here;
    answer(recorded);
    crash_here;
    told = told || recorded == valid
}

active proctype Beacon()
{
    byte from;
    bool right;
start:
    /* Every start: what the journal has is sent again. */
    if
    :: recorded != none -> answer(recorded)
    :: else
    fi;
    do
    :: !due ->
        if
        :: atomic { proof ? from, right; presented = presented || right }
            if
            :: recorded != none -> skip /* unknown: there is nothing to prove any more */
            :: recorded == none && right -> conclude(valid)
#ifndef LINKS_STAY
            :: recorded == none && !right && heldOff[from] -> skip /* the link was closed */
            :: recorded == none && !right && !heldOff[from] ->
#else
            :: recorded == none && !right ->
#endif
                d_step { heldOff[from] = true; attempted = true; mismatches++ }
#ifdef FALSE_ENDS
                conclude(invalid);
#else
                if
                :: limited && mismatches >= MISMATCHES -> conclude(invalid)
                :: else
                fi
#endif
            fi;
            from = 0; right = false
        :: due
        fi
    :: due ->
#ifndef NOT_ONCE
        if
        :: recorded != none -> skip
        :: recorded == none && attempted -> conclude(invalid)
        :: recorded == none && !attempted -> conclude(failed)
        fi;
#else
        if
        :: attempted -> conclude(invalid)
        :: !attempted -> conclude(failed)
        fi;
#endif
        over = true;
        goto done
    od;
crash: /* What was in memory is lost. */
    skip;
    d_step {
        crashed = true;
        presented = presented && recorded != none;
        mismatches = 0; attempted = false; right = false; from = 0;
        do
        :: from < ADDRESSES -> heldOff[from] = false; from++
        :: else -> from = 0; break
        od
    }
    goto start;
done:
    skip
}

active proctype Strangers()
{
    byte used;
    do
    :: used < FALSE ->
        used++;
        if
        :: proof ! 0, false
#if ADDRESSES > 1
        :: proof ! 1, false
#endif
#if ADDRESSES > 2
        :: proof ! 2, false
#endif
        fi
    od
}

/* It comes when it likes, or not at all; and again after a crash. */
active proctype Device()
{
    do
    :: !presented -> proof ! DEVICE, true
    od
}

active proctype Clock()
{
    due = true
}

/* Properties. */
ltl no_veto { [] (recorded == invalid -> due) }
ltl found_valid { [] (over && presented -> recorded == valid) }
ltl one_verdict { [] (!another && (over -> answered != none)) }
ltl told_true { [] (told -> recorded == valid) }
/* Must be refuted: otherwise the others could hold because nothing happens. */
ltl never_valid { [] !(over && answered == valid && crashed && told) }
ltl never_invalid { [] !(over && answered == invalid) }
