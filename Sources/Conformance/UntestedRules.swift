/// A rule of a page that no case tests, and why.
package struct UntestedRule: Sendable {
    /// As the page numbers it.
    package let rule: String
    /// Why not.
    package let reason: String

    private init(_ rule: String, _ reason: String) { (self.rule, self.reason) = (rule, reason) }

    private static let reasons: [(rules: String, reason: String)] = [
        (
            "L4 L8 L10 L35 L36 L37 L38 L39 L40 L41 L42 L43 L44 L45 L67 L68 L69 L73",
            "a rule for beacons, not for devices"
        ),
        ("L3 L5 L6", "needs packets shorter than those of Linux's sockets"),
        (
            "L21",
            "another value comes only after a repeated request (D35), which a device need not send; the vectors test it (Tests/Vectors/check-device)"
        ),
        ("L32 L49 L58", "cannot be seen from outside the device"),
        ("L53", "needs a radio that takes long to connect"),
        ("L70", "needs a site of several beacons; one is played"),
        ("L71 L72", "the test does not advertise"),
        ("D4 D8", "needs a registration service that misbehaves; the service here is the kit's"),
        ("D12 D14", "only the broker sees it"),
        ("D13", "a broker with an ACL refuses more, and does not say so"),
        ("D16 D17", "needs a broker that loses connections"),
        ("D23 D25", "one way to fulfil D22, which is tested"),
        ("D26", "for a device that stores sequence ids, and not for one of D25; which one it is cannot be seen"),
        ("D34", "takes 200 s"),
        ("D35 D36", "an unanswered request may be repeated, and need not"),
        ("D37", "what a device shows cannot be read here"),
        ("D39", "the device is not asked to resign or to send data"),
        ("D44", "human-moderated joins are not played"),
        ("D51 D52", "may be ignored, and need not"),
    ]

    /// All of them.
    package static let all = reasons.flatMap { entry in
        entry.rules.split(separator: " ").map { UntestedRule(String($0), entry.reason) }
    }
}
