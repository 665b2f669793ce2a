/* Attribution of verdicts: OBSERVE_REQ and RESPONSE of several servers and beacons, on topics that everybody can read.
 *
 * Server A is honest. It asks the beacon HERE twice and the beacon ELSEWHERE once; both are honest. HERE is shared with server E,
 * which is configured, too, and hostile: it publishes requests of its own, under any token that it has seen and with any sealed
 * value, and a device of E's own always proves. Anyone who reads the topics copies any request to HERE. A MEMBER of A's
 * network, of whom nothing was asked, answers A with what it likes. Signatures are perfect; the broker delivers to each in order.
 *
 * Tokens name server and beacon by default; with -DPLAIN they do not, and belong to the server that used them first. With -DREORDER
 * the broker may hold back A's requests while others pass.
 *
 * Faults, each of which breaks a property:
 *   ANY_TOKEN          HERE takes any server's token from any server
 *   COMPARES_NO_TOKEN  A takes any answer of the beacon that it asked (as the reference does)
 *   ANY_SENDER         A takes the answer from anyone
 *   ID_FIRST           HERE stores the sequence id before the seal is opened
 *   A_ID_FIRST         A stores the sequence id before it looks at the token
 *   NO_REPLAY_CHECK    HERE compares no sequence ids, and keeps no verdict
 */

/* Signers. */
#define A 0
#define E 1
#define HERE 2
#define ELSEWHERE 3
#define MEMBER 4
#define NOBODY 9

#ifndef COPIES
#define COPIES 1  /* requests that are copied to HERE */
#endif
#ifndef FOREIGN
#define FOREIGN 1 /* requests of server E */
#endif

/* Tokens: of A's requests 0 and 1 (to HERE) and 2 (to ELSEWHERE), and one that E makes up. */
#define OTHERS 3
#define TOKENS 4

/* A counts for each beacon apart, so that its id for ELSEWHERE may be far above. The same of HERE, for each server. */
#define HIGH 9

mtype = { none, valid, failed };

/* To HERE: signer, sequence id, token, server and beacon that the token names, whose key opens the seal. */
chan requests = [2] of { byte, byte, byte, byte, byte, byte };
/* To A: signer, sequence id, token, server that it names, status. HERE's answers to E go the same way: the topic is shared. */
chan answers = [2] of { byte, byte, byte, byte, mtype };

bit published[TOKENS];         /* by A: all can read it */
mtype decided[TOKENS] = none;  /* HERE's own verdict for A's request */
mtype got[TOKENS] = none;      /* what A takes for it */
bit arrived[TOKENS];           /* A's request has come to HERE, by A or as a copy */

bit wronglyValid, wronglyFailed; /* A takes for HERE's verdict what HERE has not decided for A */
bit twoVerdicts;                 /* HERE has decided one request of A's in two ways */
bit notServed;                   /* HERE has refused a request of A's to it that had not come before */
bit notHeard;                    /* A has refused HERE's answer to its open request */

#ifdef PLAIN
#define isNamed(signer, server, beacon) true
#define isFree(signer, t) (owner[t] == NOBODY || owner[t] == signer)
#define isOwn(server) true
#else
#define isNamed(signer, server, beacon) (server == signer && beacon == HERE)
#define isFree(signer, t) true
#define isOwn(server) (server == A)
#endif

/* The device proves, or it does not until the deadline; E's devices do what E wants. */
#define outcome if :: status = valid :: status = failed fi
#define concludes(r) observing[r] && nfull(answers) -> \
    outcome; \
    observing[r] = false; \
    twoVerdicts = twoVerdicts || (decided[r] != none && decided[r] != status); \
    decided[r] = status; \
    sent++; \
    answers ! HERE, sent, r, A, status; \
    status = none
#define answersE(r) foreign[r] && nfull(answers) -> \
    outcome; \
    foreign[r] = false; \
    answers ! HERE, HIGH, r, name[r], status; \
    name[r] = 0; status = none

active proctype BeaconHere()
{
    byte signer, id, t, server, beacon, seal;
    byte last[2], sent;
    byte owner[TOKENS] = NOBODY;
    bit observing[TOKENS]; /* for A */
    bit foreign[TOKENS];   /* for E */
    byte name[TOKENS];     /* the server in the token that E used */
    mtype status = none;
    do
    :: atomic {
            requests ? signer, id, t, server, beacon, seal;
            if
#ifndef NO_REPLAY_CHECK
            :: id <= last[signer] -> notServed = notServed || (signer == A && seal == HERE && !arrived[t])
#endif
#ifdef NO_REPLAY_CHECK
            :: true ->
#else
            :: id > last[signer] ->
#endif
#ifdef ID_FIRST
                last[signer] = id;
#endif
                if
#ifndef ANY_TOKEN
                :: !isNamed(signer, server, beacon) || !isFree(signer, t) ->
                    notServed = notServed || (signer == A && seal == HERE && !arrived[t])
#endif
                :: seal != HERE -> skip /* it does not open: nothing changes, nothing is answered */
#ifdef ANY_TOKEN
                :: seal == HERE ->
#else
                :: isNamed(signer, server, beacon) && isFree(signer, t) && seal == HERE ->
#endif
                    last[signer] = id;
                    owner[t] = signer;
                    if
                    :: signer == A -> arrived[t] = true; observing[t] = true
                    :: signer == E -> foreign[t] = true; name[t] = server
                    fi
                fi
            fi;
            signer = 0; id = 0; t = 0; server = 0; beacon = 0; seal = 0
        }
    :: atomic { concludes(0) }
    :: atomic { concludes(1) }
    :: atomic { answersE(0) }
    :: atomic { answersE(1) }
    :: atomic { answersE(2) }
    :: atomic { answersE(OTHERS) }
    od
}

inline ask(r)
{
#ifdef REORDER
    published[r] = true;
    requests ! A, r + 1, r, A, HERE, HERE
#else
    atomic { nfull(requests) -> published[r] = true; requests ! A, r + 1, r, A, HERE, HERE }
#endif
}

active proctype ServerA()
{
    byte r, sender, id, t, server, last;
    mtype status = none;
    published[2] = true; /* the one for ELSEWHERE; its answer is not of interest */
    do
    :: r < 2 ->
        ask(r);
        do
        :: atomic {
                answers ? sender, id, t, server, status;
#ifdef A_ID_FIRST
                if
                :: sender == HERE && id <= last -> notHeard = notHeard || (t == r && isOwn(server)); sender = NOBODY
                :: sender == HERE && id > last -> last = id
                :: else
                fi;
#endif
                if
#ifndef ANY_SENDER
                :: sender != HERE -> skip
#endif
#ifndef COMPARES_NO_TOKEN
                :: sender == HERE && (t != r || !isOwn(server)) -> skip
#endif
#ifndef A_ID_FIRST
                :: sender == HERE && t == r && isOwn(server) && id <= last -> notHeard = true
#endif
                :: else ->
                    last = (sender == HERE -> id : last);
                    got[r] = status;
                    wronglyValid = wronglyValid || (status == valid && decided[r] != valid);
                    wronglyFailed = wronglyFailed || (status == failed && decided[r] != failed)
                fi;
                sender = 0; id = 0; t = 0; server = 0; status = none;
                if
                :: got[r] != none -> break
                :: else
                fi
            }
        :: break /* its window is over */
        od;
        r++
    :: else -> break
    od
}

/* E's own requests: any token, as it was or in E's name, and a seal that opens or does not. */
active proctype ServerE()
{
    byte t, server, seal, id;
    do
    :: id < FOREIGN -> atomic {
            nfull(requests);
            if :: t = 0 :: t = 1 :: t = 2 :: t = OTHERS fi;
            if :: server = A :: server = E fi;
            if :: seal = HERE :: seal = NOBODY fi;
            if
            :: t == OTHERS || published[t] -> id++; requests ! E, id, t, server, HERE, seal
            :: else
            fi;
            t = 0; server = 0; seal = 0
        }
    :: else -> break
    od
}

/* Anyone who copies what A has published. */
active proctype Copier()
{
    byte copies;
    do
    :: copies < COPIES -> atomic {
            nfull(requests);
            if
            :: published[0] -> requests ! A, 1, 0, A, HERE, HERE
            :: published[1] -> requests ! A, 2, 1, A, HERE, HERE
            :: published[2] -> requests ! A, HIGH, 2, A, ELSEWHERE, ELSEWHERE
            fi;
            copies++
        }
    :: else -> break
    od
}

/* Its own signature, and any token that was published; and HERE's first answer once more. */
active proctype Member()
{
    do
    :: atomic { nfull(answers) && published[1] && got[1] == none -> answers ! MEMBER, HIGH, 1, A, valid }
    :: atomic { nfull(answers) && published[1] && got[1] == none && got[0] == valid -> answers ! HERE, 1, 0, A, valid }
    :: got[1] != none -> break
    od
}

/* Properties. */
ltl own_valid { [] !wronglyValid }
ltl own_failed { [] !wronglyFailed }
ltl one_verdict { [] !twoVerdicts }
ltl served { [] !notServed }
ltl heard { [] !notHeard }
/* Must be refuted: otherwise the others could hold because nothing happens. */
ltl never_valid { [] !(got[0] == valid && got[1] == failed) }
