import ProofLink
import SRUP

// Joins that a device must complete. What each rule says is in docs/proof-link.md (L…) and docs/protocol.md (D…).
extension Case {
    /// From the tagged outcome to the device's end.
    static let accepted: [Step] = [.decides(.joinSuccess), .ends(isJoined: true)]

    /// A whole link in challenge mode, from HELLO on; the value has been sent.
    static func challengeLink(_ modes: Modes = .challenge) -> [Step] {
        [
            .says([.hello(modes)]), .ready(.challenge), .says([.challenge]), .proves(.challenge),
            .says([.outcome(.valid, .right)]), .hangsUp,
        ]
    }

    /// The same in keyed mode.
    static func keyedLink(_ modes: Modes = [.challenge, .keyed], _ named: Spoken.Named = .itself) -> [Step] {
        [
            .says([.hello(modes, named)]), .claims(hasValue: true), .says([.challenge]), .proves(.keyed),
            .says([.outcome(.valid, .right)]), .hangsUp,
        ]
    }

    /// Up to the device's first link. The value has been sent; it may arrive at the device a little later.
    static let begins: [Step] = [.asks, .sendsValue(), .connects(.start)]

    static let joins: [Case] = [
        Case(
            "challenge", "A join in challenge mode, with the value known before the link.",
            "L1 L7 L9 L15 L19 L20 L29 L30 L50", [.challenge],
            begins + challengeLink() + accepted),
        Case(
            "challenge-late", "In challenge mode the value may arrive after CHALLENGE; WAIT is answered with nothing.",
            "L17 L20",
            [.challenge],
            [
                .asks, .connectsEarly, .says([.hello(.challenge)]), .ready(.challenge), .says([.wait(120)]),
                .says([.challenge]), .isSilent(.milliseconds(100)), .sendsValue(), .proves(.challenge),
                .says([.outcome(.valid, .right)]), .hangsUp,
            ] + accepted),
        Case(
            "challenge-beside-value",
            "A device takes challenge mode where value mode is offered beside it, and ignores unknown bits.",
            "L23 L27", [.challenge], begins + challengeLink(Modes(rawValue: 0x83)) + accepted),
        Case(
            "value", "A join in value mode, for a device that is told to use it: CHALLENGE is the signal.", "L28 L34",
            [.value],
            begins + [
                .says([.hello([.value, .challenge])]), .ready(.value), .says([.challenge]), .proves(.value),
                .says([.outcome(.valid, .none)]), .hangsUp,
            ] + accepted),
        Case(
            "value-early", "In value mode, valid before VALUE comes from a rogue: the device comes again.", "L34",
            [.value],
            begins + [
                .says([.hello([.value, .challenge])]), .ready(.value), .says([.outcome(.valid, .none)]), .hangsUp,
                .connects(.soon),
            ]),
        Case(
            "split", "Frames that arrive byte by byte, in challenge mode.", "L1", [.challenge, .stream],
            begins + [
                .says([.hello(.challenge)], .bytes), .ready(.challenge), .says([.wait(9)], .bytes),
                .says([.challenge], .bytes), .proves(.challenge), .says([.outcome(.valid, .right)], .bytes), .hangsUp,
            ] + accepted),
        Case(
            "joined", "HELLO, WAIT and CHALLENGE in one piece, in challenge mode: READY and PROOF.", "L1 L20",
            [.challenge, .stream],
            begins + [
                .says([.hello(.challenge), .wait(9), .challenge], .joined), .ready(.challenge), .proves(.challenge),
                .says([.outcome(.valid, .right)]), .hangsUp,
            ] + accepted),
    ]

    static let keyed: [Case] = [
        Case(
            "keyed", "A join in keyed mode, which is used where it is offered: CLAIM, PROOF, SIGN.",
            "L7 L9 L25 L60 L62 L63 L64", [.keyed],
            begins + keyedLink() + accepted),
        Case(
            "keyed-late", "In keyed mode CLAIM has zeros without a value, and is sent again when the value arrives.",
            "L17 L61 L62",
            [.keyed],
            [
                .asks, .connectsEarly, .says([.hello()]), .claims(hasValue: false), .says([.wait(120)]), .sendsValue(),
                .claims(hasValue: true), .says([.challenge]), .proves(.keyed), .says([.outcome(.valid, .right)]),
                .hangsUp,
            ] + accepted),
        Case(
            "keyed-private",
            "A beacon that offers keyed mode alone need not name itself; unknown bits are in the prefix.",
            "L23 L59 L60",
            [.keyed], begins + keyedLink(Modes(rawValue: 0x84), .nobody) + accepted),
        Case(
            "keyed-split", "Frames that arrive byte by byte, in keyed mode.", "L1 L64", [.keyed, .stream],
            begins + [
                .says([.hello()], .bytes), .claims(hasValue: true), .says([.challenge], .bytes), .proves(.keyed),
                .says([.outcome(.valid, .right)], .bytes), .hangsUp,
            ] + accepted),
    ]
}
