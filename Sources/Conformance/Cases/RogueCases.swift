import ProofLink
import SRUP

// What anyone nearby can send in a beacon's place. A device leaves, or believes nothing, and comes again.
extension Case {
    /// The device comes again, in whatever mode, and the join is not continued: what the case is about has been seen.
    private static let again: [Step] = [.connects(.soon)]

    /// A HELLO that the device must not answer.
    private static func unanswered(_ hello: Spoken) -> [Step] { begins + [.says([hello]), .leaves(.answer)] + again }

    static let beacons: [Case] = [
        Case(
            "other-beacon", "A beacon that the join request does not name is left.", "L24 L47", [],
            unanswered(.hello([.challenge, .keyed], .another))),
        Case(
            "other-private-beacon", "The same where it offers keyed mode alone, and could have left out its name.",
            "L24 L59", [.keyed], unanswered(.hello(.keyed, .another))),
        Case(
            "beacon-id-order", "The beacon's id in the wrong byte order is another beacon's.", "L7 L24", [],
            unanswered(.hello([.challenge, .keyed], .littleEndian))),
        Case(
            "nameless", "A beacon that offers challenge mode must name itself.", "L24 L59", [.challenge],
            unanswered(.hello([.challenge, .keyed], .nobody))),
        Case(
            "version", "A HELLO of another version is not answered.", "L22 L47", [],
            unanswered(.hello([.challenge, .keyed], .itself, version: 2))),
        Case(
            "value-alone", "A device never falls back to value mode.", "L23 L26 L27", [.tagged],
            unanswered(.hello(.value))),
        Case(
            "modes-unknown", "Bits that are not defined are not modes.", "L23", [],
            unanswered(.hello(Modes(rawValue: 0x88)))),
        Case(
            "early-outcome", "An OUTCOME in the place of HELLO ends the link and tells nothing.", "L19 L47", [],
            begins + [.says([.outcome(.unknown, .none)]), .hangsUp] + again),
        Case(
            "refused-link", "A link that is refused tells nothing: the device tries again.", "L48", [.stream],
            [.asks, .sendsValue(), .isDeaf(.seconds(1)), .connects(.start)]),
        Case("closes", "A link that closes tells nothing.", "L47", [], begins + [.hangsUp] + again),
        Case(
            "two-waits", "Two WAITs may come together.", "L51", [.challenge],
            begins + [
                .says([.hello(.challenge)]), .ready(.challenge), .says([.wait(9), .wait(9)]),
                .isSilent(.milliseconds(100)), .says([.challenge]), .proves(.challenge),
                .says([.outcome(.valid, .right)]), .hangsUp,
            ] + accepted),
        Case(
            "waits", "A device leaves a beacon that sends WAIT more than once a second.", "L51", [.challenge],
            begins + [
                .says([.hello(.challenge)]), .ready(.challenge),
                .says([.wait(9), .wait(9), .wait(9), .wait(9)], .flood),
                .leaves(.answer),
            ] + again),
    ]

    /// A link of challenge mode up to PROOF.
    private static let challenged: [Step] =
        begins + [
            .says([.hello(.challenge)]), .ready(.challenge), .says([.challenge]), .proves(.challenge),
        ]

    /// A link of keyed mode up to the last SIGN.
    private static let signed: [Step] =
        begins + [
            .says([.hello()]), .claims(hasValue: true), .says([.challenge]), .proves(.keyed),
        ]

    /// An outcome that tells nothing: the device comes again.
    private static func ends(_ outcome: Outcome, _ tag: Spoken.Tag) -> [Step] {
        [.says([.outcome(outcome, tag)]), .hangsUp] + again
    }

    static let tags: [Case] = [
        Case(
            "untagged-valid", "In challenge mode, valid without a tag comes from a rogue: the device comes again.",
            "L31 L33 L46",
            [.challenge], challenged + ends(.valid, .none)),
        Case(
            "untagged-valid-keyed", "In keyed mode, valid without a tag comes from a rogue: the device comes again.",
            "L33 L46 L65",
            [.keyed], signed + ends(.valid, .none)),
        Case(
            "valid-after-ready", "In challenge mode, valid before PROOF comes from a rogue.", "L31 L33", [.challenge],
            begins + [.says([.hello(.challenge)]), .ready(.challenge)] + ends(.valid, .none)),
        Case(
            "valid-after-claim", "In keyed mode, valid before PROOF comes from a rogue.", "L33 L65", [.keyed],
            begins + [.says([.hello()]), .claims(hasValue: true)] + ends(.valid, .none)),
        Case(
            "reflected", "The tag of PROOF, sent back, is not the beacon's.", "L31 L33", [.challenge],
            challenged + ends(.valid, .reflected)),
        Case(
            "reflected-keyed", "The same in keyed mode.", "L33 L65", [.keyed], signed + ends(.valid, .reflected)),
        Case(
            "replayed",
            "A link that is played again, with the tag that was right, is not believed: the nonce is another one.",
            "L9 L31 L33", [.challenge],
            challenged + [.hangsUp, .connects(.soon), .says([.helloAgain]), .ready(.challenge), .says([.challenge])]
                + [.proves(.challenge), .says([.outcome(.valid, .ofLinkBefore)]), .hangsUp, .connects(.start)]),
        Case(
            "one-bit", "Every bit of the tag counts.", "L31 L33", [.challenge], challenged + ends(.valid, .oneBitOff)),
        Case(
            "tag-of-fail", "The tag is for one status: that of fail does not make valid.", "L33 L65", [.keyed],
            signed + ends(.valid, .ofStatus(.fail))),
        Case(
            "zero-nonce", "Zeros do not stand for the nonce in the tag of valid.", "L33 L65", [.keyed],
            signed + ends(.valid, .beforeProof)),
        Case(
            "untagged-invalid", "invalid without a tag tells nothing, in challenge mode.", "L47", [.challenge],
            challenged + ends(.invalid, .none)),
        Case(
            "untagged-invalid-keyed", "invalid without a tag tells nothing, in keyed mode.", "L47", [.keyed],
            signed + ends(.invalid, .none)),
        Case(
            "busy", "busy tells nothing.", "L47", [.challenge],
            begins + [.says([.hello(.challenge)]), .ready(.challenge)] + ends(.busy, .none)),
        Case(
            "malformed", "malformed tells nothing.", "L47", [.challenge], challenged + ends(.malformed, .none)),
        Case(
            "tagged-fail", "In keyed mode, fail with its tag is about the link: the device comes again.", "L47 L66",
            [.keyed],
            signed + ends(.fail, .right)),
        Case(
            "early-valid", "valid in the place of HELLO comes from a rogue.", "L19 L33", [],
            begins + ends(.valid, .none)),
        Case(
            "tag-believed", "After valid with its tag, in challenge mode, the device does not come again at once.",
            "L31 L46",
            [.challenge], begins + challengeLink() + [.staysAway(.seconds(2))] + accepted),
        Case(
            "tag-believed-keyed", "The same in keyed mode.", "L46 L65", [.keyed],
            begins + keyedLink() + [.staysAway(.seconds(2))] + accepted),
    ]

    /// Bytes after READY that the device must leave.
    private static func unwanted(_ frames: [Spoken], _ cut: Cut = .frames) -> [Step] {
        begins + [.says([.hello(.challenge)]), .ready(.challenge), .says(frames, cut), .leaves(.answer)] + again
    }

    static let frames: [Case] = [
        Case(
            "unknown-type", "A frame of a type that is not in the table: the device leaves.", "L11", [.challenge],
            unwanted([.raw([0x0A, 0, 0])])),
        Case(
            "unknown-type-alone", "The type of such a frame alone: the device leaves before its length has come.",
            "L11",
            [.challenge, .stream], unwanted([.raw([0x0A])])),
        Case(
            "own-type", "A frame that only devices send: the device leaves.", "L11", [.challenge],
            unwanted([.raw([0x06, 0, 16] + [UInt8](repeating: 0, count: 16))])),
        Case(
            "length-order", "A length in the wrong byte order: the device leaves.", "L7 L12", [.challenge],
            unwanted([.raw([0x04, 32, 0] + [UInt8](repeating: 7, count: 32))])),
        Case(
            "length-long", "A CHALLENGE that is a byte too long: the device leaves, and sends no proof.", "L12",
            [.challenge],
            unwanted([.raw([0x04, 0, 33] + [UInt8](repeating: 7, count: 33))])),
        Case(
            "length-alone", "The header of such a frame alone: the device leaves before the payload has come.", "L12",
            [.challenge, .stream], unwanted([.raw([0x04, 0, 33])])),
        Case(
            "undefined-status", "An OUTCOME with an undefined status: the device leaves.", "L13", [.challenge],
            unwanted([.raw([0x07, 0, 33, 0x61] + LinkFrame.noTag)])),
        Case(
            "hello-twice", "A second HELLO is out of order: the device leaves.", "L16", [.challenge],
            unwanted([.hello(.challenge)])),
        Case(
            "wait-first", "WAIT before HELLO is out of order: the device leaves.", "L15 L17", [],
            begins + [.says([.wait(9)]), .leaves(.answer)] + again),
        Case(
            "wait-after-proof", "WAIT after CHALLENGE is out of order: the device leaves.", "L17", [.challenge],
            challenged + [.says([.wait(9)]), .leaves(.answer)] + again),
        Case(
            "challenge-twice", "A second CHALLENGE is out of order: it is not answered.", "L18", [.challenge],
            challenged + [.says([.challenge]), .leaves(.answer)] + again),
        Case(
            "challenge-first", "CHALLENGE before HELLO is out of order.", "L15 L18", [],
            begins + [.says([.challenge]), .leaves(.answer)] + again),
        Case(
            "challenge-unclaimed", "A CLAIM with zeros fits nothing: a CHALLENGE after it is out of order.", "L18 L61",
            [.keyed],
            [
                .asks, .connectsEarly, .says([.hello()]), .claims(hasValue: false), .says([.challenge]),
                .leaves(.answer),
            ] + again),
        Case(
            "two-in-a-packet", "Two frames in one packet: the device leaves.", "L2 L14", [.challenge, .packets],
            begins + [.says([.hello(.challenge), .wait(9)], .joined), .leaves(.answer)] + again),
        Case(
            "short-packet", "A packet that lacks a byte of its frame: the device leaves.", "L14",
            [.challenge, .packets],
            begins + [.says([.hello(.challenge)], .short), .leaves(.answer)] + again),
        Case(
            "long-packet", "A packet with a byte after its frame: the device leaves.", "L14", [.challenge, .packets],
            begins + [.says([.hello(.challenge)], .long), .leaves(.answer)] + again),
    ]
}
