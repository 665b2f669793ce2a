/* The proof link (docs/proof-link.md): one device, one honest beacon, and an adversary who is the network.
 *
 * Challenge mode is what is modelled by default, keyed mode with -DKEYED. Cryptography is perfect: making a tag takes
 * the value, a signature takes the device's key, and both fit only what they were made over. Everything that goes over the
 * air is heard by the adversary, which may keep, repeat, relay and mix it, open links to the beacon as any stranger, and pose as
 * any beacon to the device. It also owns
 *   - a second C2 server (E) of the honest beacon, which copies the sealed value of A's request into a request of its own;
 *   - the value, if -DVALUE_KNOWN: the device has given it to an accomplice;
 *   - a captured beacon (CAPTURED) that server A has asked, too, if -DCAPTURED_ASKED: it knows the value, and tells A anything.
 *
 * Faults, each of which breaks a property:
 *   REPLAYABLE         tags do not cover link nonce and challenge
 *   NO_SERVER          keyed tags do not cover the server
 *   NO_BEACON          nothing covers the beacon
 *   NO_SIGNATURE       A does not check the signature
 *   UNTAGGED_VALID     the device believes an outcome "valid" without a right tag
 *   UNTAGGED_FINAL     the device ends its join at any outcome
 *   ANY_CLAIM          the beacon sends its challenge to anyone
 */

#define RUNS 2  /* tries of the device: one proof each */
#define LINKS 2 /* links at the honest beacon; link nonce and challenge of link n are the number n, for each fresh */

#define HONEST 0 /* beacons */
#define CAPTURED 1
#define A 0 /* servers */
#define E 1

#define FORGED RUNS /* a proof without the device: a tag made with the value, and no signature */
#define NOTHING 9

mtype = { unused, greeted, challenged, ended };
mtype = { open, claim, proof, untagged, tagged, valid, other };

typedef Proof {
    byte link;      /* the link nonce that was in HELLO */
    byte challenge;
    byte beacon;    /* the id that was in HELLO */
    bool direct     /* the device's own link to the honest beacon: nobody was in between */
};

/* Over the air, and so known to the adversary. In keyed mode each names server A: the device joins no other. */
Proof sent[RUNS];
byte proofs = 0;
bit claimedLink[LINKS]; /* the device has sent READY or CLAIM for this link nonce and the honest beacon */

/* The honest beacon. */
mtype link[LINKS] = unused;
bit byDevice[LINKS];      /* opened by the device itself, not by the adversary */
byte judged[LINKS] = NOTHING; /* the proof that got the link's outcome "valid" */
bit copied;               /* E has made a request of its own with A's sealed value */
bit concluded[2];         /* verdict "valid" */

chan toBeacon = [0] of { mtype, byte /* link */, byte /* proof */ };
chan verdicts = [0] of { byte /* beacon */, byte /* link */, byte /* proof */ }; /* "valid", to server A */

/* What came of it. */
bit accepted[2];    /* A accepts on this beacon's word */
bit withoutDevice;  /* ... with no proof of the device's own for that beacon */
bit stale;          /* ... with a proof that was made for another link, or another challenge */
bit fromAfar;       /* ... with a proof that did not come over the device's own link */
bit foreignVerdict; /* E has "valid" by the device's own proof, and the device never asked E */
bit deceived;       /* the device holds "valid" from the honest beacon, which has not found it so */
bit silenced;       /* the device has ended its join without a word from anyone who knows the value */
bit sentChallenge;  /* a challenge was sent where no claim had fitted */

#if defined(VALUE_KNOWN) || defined(CAPTURED_ASKED)
#define knowsValue true
#else
#define knowsValue false
#endif

#ifdef REPLAYABLE
#define fitsLink(p, n) true
#else
#define fitsLink(p, n) (sent[p].link == n && sent[p].challenge == n)
#endif

#ifdef NO_BEACON
#define fitsBeacon(p, b) true
#else
#define fitsBeacon(p, b) (sent[p].beacon == b)
#endif

/* Version 1 has no server in what is tagged. */
#if defined(KEYED) && !defined(NO_SERVER)
#define fitsServer(s) (s == A)
#else
#define fitsServer(s) true
#endif

#define fits(p, n, s) (p == FORGED || (fitsLink(p, n) && fitsBeacon(p, HONEST) && fitsServer(s)))

/* A's own check of what a beacon forwards; the device's id and the tag are right in all that gets here. */
#if defined(KEYED) && !defined(NO_SIGNATURE)
#define enough(p, b) (p != FORGED && fitsBeacon(p, b))
#else
#define enough(p, b) true
#endif

/* HELLO goes out with every link; then READY or CLAIM, CHALLENGE, PROOF (with SIGN), OUTCOME. A proof may also come to nothing:
 * too far, too late, or a link that breaks. */
active proctype HonestBeacon()
{
    byte n, p;
    do
    :: atomic { toBeacon ? open(n, _) -> link[n] = greeted; n = 0 }
    :: atomic {
            toBeacon ? claim(n, p);
            if
            :: link[n] != greeted -> skip
#if defined(KEYED) && !defined(ANY_CLAIM)
            :: link[n] == greeted && p == NOTHING -> link[n] = ended /* waits, as strangers do */
#endif
            :: else ->
                link[n] = challenged;
                sentChallenge = sentChallenge || p == NOTHING
            fi;
            n = 0; p = 0
        }
    :: atomic {
            toBeacon ? proof(n, p);
            if
            :: link[n] != challenged -> skip
            :: link[n] == challenged -> link[n] = ended
            :: link[n] == challenged && fits(p, n, A) && !concluded[A] ->
                link[n] = ended;
                judged[n] = p;
                concluded[A] = true;
                if
                :: copied && fits(p, n, E) && !concluded[E] ->
                    concluded[E] = true;
                    foreignVerdict = (p != FORGED)
                :: else
                fi;
                verdicts ! HONEST, n, p
            fi;
            n = 0; p = 0
        }
    od
}

active proctype ServerA()
{
    byte b, n, p;
    do
    :: d_step {
            verdicts ? b, n, p;
            if
            :: enough(p, b) ->
                accepted[b] = true;
                if
                :: p == FORGED -> withoutDevice = true
                :: else ->
                    withoutDevice = withoutDevice || sent[p].beacon != b;
                    stale = stale || (b == HONEST && (sent[p].link != n || sent[p].challenge != n));
                    fromAfar = fromAfar || (b == HONEST && !sent[p].direct)
                fi
            :: else
            fi;
            b = 0; n = 0; p = 0
        }
    od
}

/* The device is honest: it makes proofs for server A only, and names the beacon that it was greeted by. It cannot tell whether
 * it is: the adversary greets it with any nonce that it has seen or made up (LINKS), and any name. */
#define connect(x) link[x] == unused -> n = x; b = HONEST; byDevice[x] = true; direct = true; toBeacon ! open(x, NOTHING)
#define greeting(x) x == LINKS || link[x] != unused -> n = x; if :: b = HONEST :: b = CAPTURED fi

active proctype Device()
{
    byte n, c, b;
    bit direct;
    mtype status;
    do
    :: proofs < RUNS ->
        if
        :: atomic { connect(0) }
        :: atomic { connect(1) }
        :: atomic { greeting(0) }
        :: atomic { greeting(1) }
        :: atomic { greeting(LINKS) }
        fi;
        atomic {
            if
            :: b == HONEST && n < LINKS -> claimedLink[n] = true
            :: else
            fi;
            if
            :: direct -> toBeacon ! claim(n, n)
            :: else
            fi
        }
        if
        :: direct && link[n] != greeted -> c = n
        :: !direct && link[0] == challenged -> c = 0
        :: !direct && link[1] == challenged -> c = 1
        :: !direct -> c = LINKS
        fi;
        atomic {
            sent[proofs].link = n;
            sent[proofs].challenge = c;
            sent[proofs].beacon = b;
            sent[proofs].direct = direct;
            proofs++;
            c = 0;
            if
            :: direct -> toBeacon ! proof(n, proofs - 1)
            :: else
            fi
        }
        /* An outcome: from the beacon by its link, or from the adversary. A right tag is the beacon's for just this proof, or
         * the adversary's, if it has the value. */
        atomic {
            if
            :: n < LINKS && judged[n] == proofs - 1 -> status = valid
            :: knowsValue -> status = tagged
            :: status = untagged
            fi;
            if
            :: status == valid -> break
            :: status == tagged -> deceived = (b == HONEST); break
            :: status == untagged ->
#ifdef UNTAGGED_VALID
                if
                :: deceived = (b == HONEST); break
                :: skip
                fi;
#endif
#ifdef UNTAGGED_FINAL
                silenced = true; break;
#endif
                /* No information: it tries again. */
                n = 0; b = 0; direct = false; status = 0
            fi
        }
    :: else -> break /* its value's time is up */
    od
}

/* On its own links it sends the device's claim for this nonce, one that it makes with the value, or something without meaning; and any
 * proof that the device has sent, or one that it makes with the value. */
#define connects(x) link[x] == unused -> toBeacon ! open(x, NOTHING)
#define mayClaim(x) (link[x] == greeted && !byDevice[x])
#define mayProve(x) (link[x] == challenged && !byDevice[x])
#define claims(x) mayClaim(x) && (claimedLink[x] || knowsValue) -> toBeacon ! claim(x, x)
#define knocks(x) mayClaim(x) -> toBeacon ! claim(x, NOTHING)
#define repeats(x, p) mayProve(x) && proofs > p -> toBeacon ! proof(x, p)
#define forges(x) mayProve(x) && knowsValue -> toBeacon ! proof(x, FORGED)

active proctype Adversary()
{
    do
    :: atomic { connects(0) }
    :: atomic { connects(1) }
    :: atomic { claims(0) }
    :: atomic { claims(1) }
    :: atomic { knocks(0) }
    :: atomic { knocks(1) }
    :: atomic { repeats(0, 0) }
    :: atomic { repeats(0, 1) }
    :: atomic { repeats(1, 0) }
    :: atomic { repeats(1, 1) }
    :: atomic { forges(0) }
    :: atomic { forges(1) }
    :: atomic { !copied -> copied = true }
#ifdef CAPTURED_ASKED
    /* The captured beacon says "valid" with whatever there is. */
    :: atomic { !accepted[CAPTURED] && proofs > 0 -> verdicts ! CAPTURED, LINKS, 0 }
    :: atomic { !accepted[CAPTURED] && proofs > 1 -> verdicts ! CAPTURED, LINKS, 1 }
    :: atomic { !accepted[CAPTURED] -> verdicts ! CAPTURED, LINKS, FORGED }
#endif
    od
}

/* Properties. */
ltl device_itself { [] !withoutDevice }
ltl fresh { [] !stale }
ltl own_server { [] !foreignVerdict }
ltl outcome_true { [] !deceived }
ltl not_silenced { [] !silenced }
ltl claim_first { [] !sentChallenge }
/* Does not hold, in either mode: a relay. */
ltl near { [] !fromAfar }
/* Must be refuted: otherwise the others could hold because nothing happens. */
ltl never_accepted { [] !accepted[HONEST] }
