import ProofLink
import SRUP

// What the device makes of its server's messages, and of others'.
extension Case {
    /// A join whose link is of either mode; `before`: what is sent before the value.
    private static func join(after before: [Step] = [], _ text: PlainText = .digits, then: [Step] = []) -> [Step] {
        [.asks] + before + [.sendsValue(text), .connects(.start)] + challengeLink() + then + accepted
    }

    /// The same, with the stray before the value and after it: of two values the newest counts, so one order alone would show nothing.
    private static func join(around stray: Stray) -> [Step] {
        [
            .asks, .sends(stray), .sendsValue(), .sends(stray), .isQuiet(.milliseconds(300)), .connects(.start),
        ] + challengeLink() + accepted
    }

    static let registry: [Case] = [
        Case(
            "enrol-refused",
            "An enrolment token that is not valid: the device does not enrol, and says so by its exit status.",
            "D3", [.registry], [.enrols(isWelcome: false)]),
        Case(
            "enrol", "The device enrols: the service knows its key, and the broker accepts its certificate.",
            "D2 D3 D5 D6 D7 D9 D10 D11",
            [.registry, .server, .challenge], [.enrols(isWelcome: true)] + join()),
    ]

    static let server: [Case] = [
        Case(
            "request",
            "OBS_JOIN_REQ is signed, names the beacon, has a UUID for its token, and comes on the server's topic.",
            "D1 D15 D18 D27 D28 D29 D30 D32 D33", [.server, .challenge], join()),
        Case(
            "restart", "After a restart the device uses a sequence id that is greater than all before.", "D22 D28",
            [.server, .challenge],
            [.asks, .restarts(losingState: false)] + join()),
        Case(
            "lost-state", "A device that has lost its sequence ids joins all the same.", "D22 D24",
            [.server, .challenge],
            [.asks, .restarts(losingState: true)] + join()),
        Case(
            "value-upper", "The sealed value may be 32 upper-case digits.", "L29 D29", [.server, .challenge],
            join(.upperCase)),
        Case("value-raw", "The sealed value may be 16 bytes.", "L29 D29", [.server, .challenge], join(.raw)),
        Case(
            "value-of-another", "A value sealed to another device is ignored, and its sequence id keeps nothing out.",
            "D21 D29",
            [.server, .challenge], join(after: [.sends(.valueOfAnother)])),
        Case(
            "value-old", "A value of an earlier join, sent again byte for byte, is ignored.", "D18 D20",
            [.server, .challenge],
            [.asks, .sendsValue(), .isQuiet(.seconds(1)), .restarts(losingState: false)] + join(around: .oldValue)),
        Case(
            "value-forged", "A value that the server has not signed is ignored.", "D18 D19", [.server, .challenge],
            join(around: .forgedValue)),
        Case(
            "noise", "Payloads that are not messages are ignored.", "D18 D19", [.server, .challenge],
            join(after: [.sends(.noise)])),
        Case(
            "refused", "RESPONSE decides, and not OUTCOME: refused after valid with its tag is refused.",
            "L50 D27 D30 D33",
            [.server, .challenge],
            begins + challengeLink() + [.decides(.joinRefused), .ends(isJoined: false)]),
        Case(
            "failed", "RESPONSE failed under the value's token ends the join without a membership.", "D30",
            [.server, .challenge],
            begins + challengeLink() + [.decides(.joinFail), .ends(isJoined: false)]),
        Case(
            "other-status", "RESPONSE with another status than 50, 5E or 5F is ignored.", "D30", [.server, .challenge],
            join(then: [.decides(.observedJoinValid), .goesOn(.milliseconds(500))])),
        Case(
            "refused-at-once", "RESPONSE refused under the request's token ends the join.", "D31 D33", [.server],
            [.asks, .sends(.refusal), .ends(isJoined: false)]),
        Case(
            "success-without-value", "RESPONSE success under the request's token, before a value, is ignored.", "D31",
            [.server, .challenge], join(after: [.sends(.successWithoutValue)])),
        Case(
            "response-forged", "A RESPONSE that the server has not signed is ignored.", "D18 D19",
            [.server, .challenge],
            join(then: [.sends(.forgedResponse)])),
        Case(
            "response-of-another", "A RESPONSE of another node is ignored.", "D18 D19", [.server, .challenge],
            join(then: [.sends(.responseOfAnother)])),
        Case(
            "response-to-nobody", "A RESPONSE under another token is ignored.", "D30 D42", [.server, .challenge],
            join(then: [.sends(.responseToNobody)])),
        Case(
            "response-old", "A RESPONSE whose sequence id is not greater than the last one is ignored.", "D18 D20",
            [.server, .challenge], join(then: [.sends(.oldResponse)])),
        Case(
            "response-too-high", "A RESPONSE whose sequence id leaves no room for others is ignored.", "D20",
            [.server, .challenge], join(then: [.sends(.responseTooHigh)])),
    ]
}
