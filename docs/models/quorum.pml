/* A join that several beacons are asked about: BEACONS of them, of which K must have found the device. The beacon LIAR is captured.
 *
 * Keyed mode is what is modelled. The liar was asked, so it knows the value: it tells the server what it likes, greets the device
 * in any beacon's name, passes on what it hears, and, with -DLIAR_AT_OTHERS, goes to the honest beacons (or sends an accomplice)
 * with the right value. The device is honest: it comes to any of the beacons, or to none, and signs for the one that greets it.
 *
 * Faults, each of which breaks a property:
 *   COUNT_CHALLENGED   the server counts a verdict "valid" without a right signature
 *   NO_BEACON          the signature does not cover the beacon
 *   COUNT_TWICE        the server counts answers, not beacons
 *   ONE_DECIDES        the first answer that does not count refuses
 */

#define BEACONS 3
#define K 2
#define LIAR 2
/* A signature is known by the beacon that is named in it, and the beacon over whose link's nonce and challenge it is. */
#define SIGNATURE(named, link) ((named) * BEACONS + (link))
#define NONE SIGNATURE(BEACONS, 0) /* no signature, or one that does not fit */

bit made[BEACONS * BEACONS]; /* what the device has signed, known to everybody */
bit signedFor[BEACONS];      /* the device has signed for the beacon with this id */
bit came[LIAR];              /* the device came to this honest beacon itself, in time */
bit due[LIAR];               /* the deadline of an honest beacon */
bit concluded[LIAR];         /* it has its one verdict */
bit found[LIAR];             /* ... which is "valid" with a signature of the device's */
bit answered[BEACONS];
byte yes, no;
bit accepted, refused;

chan answer = [0] of { byte /* beacon */, bool /* valid */, byte /* signature */ };

#ifdef NO_BEACON
#define names(s, b) true
#else
#define names(s, b) ((s) / BEACONS == b)
#endif

#define signs(b, l) made[SIGNATURE(b, l)] = true; signedFor[b] = true

/* It comes to each beacon once; unless with -DBELIEVES_TAGS, even if it has signed for it before and was told in its name, with a
 * tag, how that ended: the liar can make the tag, too. */
#ifdef BELIEVES_TAGS
#define isDone(b) signedFor[b]
#else
#define isDone(b) false
#endif
#define comes(b) !came[b] && !due[b] -> \
    came[b] = true; \
    if \
    :: !concluded[b] && !isDone(b) -> signs(b, b); concluded[b] = true; found[b] = true; answer ! b, true, SIGNATURE(b, b) \
    :: else \
    fi
#define isGreeted(b, l) !signedFor[b] -> signs(b, l)

active proctype Device()
{
    do
    :: atomic { comes(0) }
    :: atomic { comes(1) }
    :: atomic { isGreeted(0, 0) }
    :: atomic { isGreeted(0, 1) }
    :: atomic { isGreeted(0, LIAR) }
    :: atomic { isGreeted(1, 0) }
    :: atomic { isGreeted(1, 1) }
    :: atomic { isGreeted(1, LIAR) }
    :: atomic { isGreeted(LIAR, 0) }
    :: atomic { isGreeted(LIAR, 1) }
    :: atomic { isGreeted(LIAR, LIAR) }
    od
}

#define ends(b) !due[b] -> \
    due[b] = true; \
    if \
    :: !concluded[b] -> concluded[b] = true; answer ! b, false, NONE \
    :: else \
    fi

active proctype Clock()
{
    do
    :: atomic { ends(0) }
    :: atomic { ends(1) }
    od
}

/* At an honest beacon: a signature with its proof, which must be over that beacon's own link. Or a proof by the value: the beacon
 * cannot check what comes with it as a signature, and the server can. To the server: "valid" with any signature. */
#define passesOn(s, b) made[s] && (s) % BEACONS == b && names(s, b) && !concluded[b] -> \
    concluded[b] = true; found[b] = true; answer ! b, true, s
#define impersonates(b) !concluded[b] -> concluded[b] = true; answer ! b, true, NONE
#define lies(s) made[s] && names(s, LIAR) -> answer ! LIAR, true, s

active proctype Liar()
{
    do
    :: atomic { passesOn(SIGNATURE(0, 0), 0) }
    :: atomic { passesOn(SIGNATURE(1, 0), 0) }
    :: atomic { passesOn(SIGNATURE(LIAR, 0), 0) }
    :: atomic { passesOn(SIGNATURE(0, 1), 1) }
    :: atomic { passesOn(SIGNATURE(1, 1), 1) }
    :: atomic { passesOn(SIGNATURE(LIAR, 1), 1) }
#ifdef LIAR_AT_OTHERS
    :: atomic { impersonates(0) }
    :: atomic { impersonates(1) }
#endif
    :: atomic { lies(SIGNATURE(0, 0)) }
    :: atomic { lies(SIGNATURE(1, 1)) }
    :: atomic { lies(SIGNATURE(LIAR, 0)) }
    :: atomic { lies(SIGNATURE(LIAR, 1)) }
    :: atomic { lies(SIGNATURE(LIAR, LIAR)) }
    :: atomic { answer ! LIAR, true, NONE }
    :: atomic { answer ! LIAR, false, NONE }
    od
}

active proctype Server()
{
    byte b, s;
    bool valid;
    do
    :: d_step {
            answer ? b, valid, s;
            if
            :: accepted || refused -> skip
#ifndef COUNT_TWICE
            :: !accepted && !refused && answered[b] -> skip
#endif
            :: else ->
                answered[b] = true;
                if
#ifdef COUNT_CHALLENGED
                :: valid -> yes++
#else
                :: valid && s != NONE -> yes++
#endif
                :: else -> no++
                fi;
                if
                :: yes >= K -> accepted = true
#ifdef ONE_DECIDES
                :: yes < K && no > 0 -> refused = true
#else
                :: yes < K && no > BEACONS - K -> refused = true
#endif
                :: else
                fi
            fi;
            b = 0; s = 0; valid = false
        }
    od
}

/* Properties. */
ltl k_signatures { [] (accepted -> signedFor[0] + signedFor[1] + signedFor[2] >= K) }
ltl an_honest_one { [] (accepted -> found[0] || found[1]) }
/* Does not hold with LIAR_AT_OTHERS, or with BELIEVES_TAGS. */
ltl not_denied { [] !(refused && came[0] && came[1]) }
/* Must be refuted: otherwise the others could hold because nothing happens. */
ltl never_accepted { [] !accepted }
ltl never_refused { [] !refused }
