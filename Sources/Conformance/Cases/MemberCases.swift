import ProofLink
import SRUP

// What a member does with its server's commands: with --member only.
extension Case {
    /// From the device's request to its membership.
    private static let joined: [Step] = begins + challengeLink() + [.decides(.joinSuccess)]
    /// The membership ends, and with it the command.
    private static let dismissed: [Step] = [.commands(.terminateCommand), .ends(isJoined: true)]
    /// An action that no device knows.
    private static let unknownAction: [Step] = [.commands(.action(0xFE)), .answers(.status([0x2E]))]
    private static let needed: Set<Need> = [.server, .member, .challenge]

    private static func member(_ steps: [Step]) -> [Step] { joined + steps + dismissed }

    static let members: [Case] = [
        Case(
            "member-action", "An action that the device does not know is answered with 2E, under the same token.",
            "D38 D40 D45", needed, member(unknownAction)),
        Case(
            "member-copy", "A command under a token that names another device is ignored, and keeps nothing out.",
            "D19 D21 D41", needed,
            member([.commands(.action(0xFE), isForDevice: false), .isQuiet(.milliseconds(700))] + unknownAction)),
        Case(
            "member-identity", "ID_REQUEST is answered with DATA IDENTIFICATION under the same token.", "D40 D47",
            needed,
            member([.commands(.identityRequest), .answers(.identification)])),
        Case(
            "member-data", "DATA with an id that the device does not know is answered with 3F.", "D46", needed,
            member([
                .commands(.data(id: Octets(Array("PROVE_UNKNOWN".utf8)), data: Octets([1, 2, 3, 4]))),
                .answers(.status([0x3F])),
            ])),
        Case(
            "member-update", "An update that cannot be fetched, or not at all, is answered with FC, FD, FE or FF.",
            "D48", needed,
            member([
                .commands(
                    .initiate(
                        url: Octets(terminated: "https://127.0.0.1:1/none"),
                        digest: Octets(terminated: String(repeating: "0", count: 64)))),
                .answers(.status([0xFC, 0xFD, 0xFE, 0xFF])),
            ])),
        Case(
            "member-activate", "ACTIVATE without an update is answered with 1F.", "D49", needed,
            member([.commands(.activate), .answers(.status([0x1F]))])),
        Case(
            "member-value", "A value that comes to a member is ignored: no link is opened.", "D33 D43", needed,
            member([.sendsValue(), .staysAway(.seconds(1))])),
        Case(
            "member-response", "A RESPONSE that nobody waits for is ignored.", "D42", needed,
            member([.commands(.response(.joinRefused)), .isQuiet(.milliseconds(300))] + unknownAction)),
        Case(
            "member-requests", "Messages that only devices send, or servers to servers, are refused.", "D53", needed,
            member([.commands(.joinRequest), .commands(.syndicationEnd), .isQuiet(.milliseconds(300))] + unknownAction)),
        Case(
            "member-end", "TERMINATE_CMD ends the membership, and is not answered.", "D38 D50", needed,
            joined + [.commands(.terminateCommand), .isQuiet(.milliseconds(300)), .ends(isJoined: true)]),
        Case(
            "stranger", "Before the membership commands are ignored.", "D54", needed,
            [.asks, .commands(.action(0xFE)), .isQuiet(.milliseconds(500)), .sendsValue(), .connects(.start)]
                + challengeLink() + [.decides(.joinSuccess)] + dismissed),
    ]
}
