import ProofLink
import SRUP

// Time limits: with --patient only.
extension Case {
    private static func within(_ after: Int64, _ before: Int64) -> Window {
        Window(after: .seconds(after), before: .seconds(before))
    }

    static let timeLimits: [Case] = [
        Case(
            "no-hello", "A link without HELLO is left after 5 s.", "L52 L54", [.timeLimits],
            begins + [.leaves(within(4, 7)), .connects(.soon)]),
        Case(
            "no-answer", "A link on which neither WAIT nor CHALLENGE follows READY is left after 5 s.", "L52 L55",
            [.timeLimits, .challenge],
            begins + [.says([.hello(.challenge)]), .ready(.challenge), .leaves(within(4, 7)), .connects(.soon)]),
        Case(
            "no-outcome", "A link without OUTCOME is left 15 s after CHALLENGE.", "L52 L57", [.timeLimits, .challenge],
            begins + [
                .says([.hello(.challenge)]), .ready(.challenge), .says([.challenge]), .proves(.challenge),
                .leaves(within(13, 18)), .connects(.soon),
            ]),
        Case(
            "held", "A link that WAIT holds is left 30 s after READY, however many come.", "L52 L56",
            [.timeLimits, .challenge],
            begins + [.says([.hello(.challenge)]), .ready(.challenge)]
                + (0..<5).flatMap { _ -> [Step] in [.says([.wait(120)]), .isSilent(.seconds(5))] }
                + [.says([.wait(120)]), .leaves(within(3, 8)), .connects(.soon)]),
        Case(
            "back-off", "After links that tell nothing the device comes again after 0.5, 1, 2, 4, 8 and 10 s.", "L47",
            [.timeLimits],
            begins + [
                .hangsUp, .connects(Window(after: .milliseconds(300), before: .milliseconds(1_500))),
                .hangsUp, .connects(Window(after: .milliseconds(800), before: .seconds(3))),
                .hangsUp, .connects(within(1, 5)), .hangsUp, .connects(within(3, 8)), .hangsUp,
                .connects(within(6, 12)),
                .hangsUp, .connects(within(8, 13)),
            ]),
        Case(
            "lost-response", "Without RESPONSE the device comes again 10 s after valid with its tag.", "L46 D27",
            [.timeLimits, .server, .challenge],
            begins + challengeLink() + [.connects(within(8, 14))] + challengeLink() + accepted),
        Case(
            "late", "A device whose request is answered late joins all the same.", "L47 D32",
            [.timeLimits, .server, .challenge],
            [.asks, .connectsEarly, .hangsUp, .connects(.soon), .hangsUp, .connects(.soon), .sendsValue()]
                + challengeLink() + accepted),
    ]
}
