import ProofLink
import SRUP
import Testing

@testable import Observing

/// rules §1, check 6: every type of message in every standing.
@Suite struct MessageTableTests {
    /// A sender's standing with us: the columns of the table.
    enum Sender: CaseIterable {
        case unknown, stranger, joining, joiningUnderAnotherToken, member, memberOfUnknownSequence, refused, terminated

        var membership: Membership? {
            switch self {
            case .unknown: nil
            case .stranger: .stranger
            case .joining: .joining(token("talk"))
            case .joiningUnderAnotherToken: .joining(token("other"))
            case .member, .memberOfUnknownSequence: .member
            case .refused: .refused
            case .terminated: .terminated
            }
        }
    }

    /// +: accepted. n: not now. s: not served. o: not our server.
    static let table: [(String, Body)] = [
        // unknown, stranger, joining, joining under another token, member, member of unknown sequence, refused, terminated
        ("onnnssnn", .initiate(url: Octets([1]), digest: Octets([2]))),
        ("on+nssnn", .response(.joinSuccess)),
        ("onnnssnn", .activate),
        ("onnn+nnn", .action(1)),
        ("onnn+nnn", .data(id: Octets([1]), data: Octets([2]))),
        ("onnnssnn", .identityRequest),
        ("onnnssnn", .joinRequest),
        ("onnnssnn", .joinCommand(device: beacon)),
        ("onnnssnn", .humanJoinRequest),
        ("onnnssnn", .humanJoinResponse(sealed: Octets([1]))),
        ("onnnssnn", .observedJoinRequest(observer: beacon)),
        ("onnnssnn", .observedJoinResponse(sealed: Octets([1]))),
        ("onnn+nnn", .observationRequest(joining: device, sealed: Octets(secret(7).withBytes(Array.init)))),
        ("onnnssnn", .resignRequest),
        ("onnn+nnn", .terminateCommand),
        ("onnnssnn", .deregisterRequest),
        ("onnnssnn", .deregisterCommand),
        ("onnnssnn", .syndicationInitiate(url: Octets([1]), sealed: Octets([2]))),
        ("onnnssnn", .syndicatedAction(1, target: device)),
        ("onnnssnn", .syndicatedData(id: Octets([]), data: Octets([]), source: device)),
        ("onnnssnn", .syndicatedIdentityRequest(target: device)),
        ("onnnssnn", .syndicatedDeviceCount(1)),
        ("onnnssnn", .syndicatedDeviceList(sequence: 1, device: device)),
        ("onnnssnn", .syndicationRequest(sealed: Octets([1]))),
        ("onnnssnn", .syndicatedC2Request(data: Octets([1]), request: 1)),
        ("onnnssnn", .syndicationEnd),
        ("onnnssnn", .syndicationTerminate),
    ]

    @Test("the table has every type of message once")
    func tableIsComplete() {
        #expect(Self.table.map(\.1.type) == MessageType.allCases)
    }

    @Test("every type in every standing is accepted or refused as the table says", arguments: table)
    func product(row: String, body: Body) {
        #expect(row.count == Sender.allCases.count)
        for (sender, expected) in zip(Sender.allCases, row) {
            var harness = Harness(members: [otherServer])
            harness.journal.memberships[server] = sender.membership
            if sender != .memberOfUnknownSequence { harness.journal.accepted[server] = SequenceID(1) }
            harness.restart()
            let before = Snapshot(harness.observer)
            let effects = harness.say(body, sequence: SequenceID(100))
            switch expected {
            case "+":
                #expect(effects.refusals.isEmpty && effects.recorded.first == .accepted(server, SequenceID(100)))
                continue
            case "n": #expect(effects.refusals == sender.membership.map { [.notNow($0)] }, "\(body.type), \(sender)")
            case "s": #expect(effects.refusals == [.notServed], "\(body.type), \(sender)")
            default: #expect(effects.refusals == [.notOurServer], "\(body.type), \(sender)")
            }
            #expect(effects.order == "." && Snapshot(harness.observer) == before, "\(body.type), \(sender)")
        }
    }
}
