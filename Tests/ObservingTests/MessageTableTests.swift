import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

/// Every type of message in every membership state.
@Suite struct MessageTableTests {
    /// The relation between a sender and us: the columns of the table.
    enum Sender: CaseIterable {
        case unknown, stranger, joining, joiningUnderAnotherToken, joiningBeforeAHuman, joiningBeforeABeacon, presenting
        case member, memberOfUnknownSequence, resigning, resigned, deregistering, deregistered, refused, terminated

        var membership: Membership? {
            switch self {
            case .unknown: nil
            case .stranger: .stranger
            case .joining: .joining(talk)
            case .joiningUnderAnotherToken: .joining(token("other"))
            case .joiningBeforeAHuman: .joining(talk, .human)
            case .joiningBeforeABeacon: .joining(talk, .observed(by: otherDevice))
            case .presenting: .presenting(talk, .human)
            case .member, .memberOfUnknownSequence: .member
            case .resigning: .resigning(talk)
            case .resigned: .resigned
            case .deregistering: .deregistering(talk)
            case .deregistered: .deregistered
            case .refused: .refused
            case .terminated: .terminated
            }
        }
    }

    /// One character per sender, in their order. +: accepted. n: not now. s: not served. o: not our server.
    static let table: [(String, Body)] = [
        ("onnnnnn+n+n+nnn", .initiate(url: Octets([1]), digest: Octets([2]))),
        ("on+nnn+ss+n+nnn", .response(.joinSuccess)),
        ("onnnnnn+n+n+nnn", .activate),
        ("onnnnnn+n+n+nnn", .action(1)),
        ("onnnnnn+n+n+nnn", .data(id: Octets([1]), data: Octets([2]))),
        ("onnnnnn+n+n+nnn", .identityRequest),
        ("onnnnnnsssnsnnn", .joinRequest),
        ("o++++++++nnnn++", .joinCommand(device: beacon)),
        ("onnnnnnsssnsnnn", .humanJoinRequest),
        ("onnn+n+sssnsnnn", .humanJoinResponse(sealed: Octets(secret(7).withBytes(Array.init)))),
        ("onnnnnnsssnsnnn", .observedJoinRequest(observer: beacon)),
        ("onnnn+nsssnsnnn", .observedJoinResponse(sealed: Octets(secret(7).withBytes(Array.init)))),
        ("onnnnnn+n+n+nnn", .observationRequest(joining: device, sealed: Octets(secret(7).withBytes(Array.init)))),
        ("onnnnnnsssnsnnn", .resignRequest),
        ("onnnnnn+n+n+nnn", .terminateCommand),
        ("onnnnnnsssnsnnn", .deregisterRequest),
        ("onnnnnn+n+n+nnn", .deregisterCommand),
        ("onnnnnnsssnsnnn", .syndicationInitiate(url: Octets([1]), sealed: Octets([2]))),
        ("onnnnnnsssnsnnn", .syndicatedAction(1, target: device)),
        ("onnnnnnsssnsnnn", .syndicatedData(id: Octets([]), data: Octets([]), source: device)),
        ("onnnnnnsssnsnnn", .syndicatedIdentityRequest(target: device)),
        ("onnnnnnsssnsnnn", .syndicatedDeviceCount(1)),
        ("onnnnnnsssnsnnn", .syndicatedDeviceList(sequence: 1, device: device)),
        ("onnnnnnsssnsnnn", .syndicationRequest(sealed: Octets([1]))),
        ("onnnnnnsssnsnnn", .syndicatedC2Request(data: Octets([1]), request: 1)),
        ("onnnnnnsssnsnnn", .syndicationEnd),
        ("onnnnnnsssnsnnn", .syndicationTerminate),
    ]

    @Test("the table has every type of message once")
    func tableIsComplete() {
        #expect(Self.table.map(\.1.type) == MessageType.allCases)
    }

    @Test("every type in every membership state is accepted or refused as in the table", arguments: table)
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
                // A message that may be an old one makes us ask, and establishes nothing.
                let isHeldOff = sender == .memberOfUnknownSequence && body.type == .joinCommand
                let first: Change =
                    isHeldOff ? .membership(server, .stranger) : .accepted(server, SequenceID(100))
                #expect(effects.refusals.isEmpty && effects.recorded.first == first, "\(body.type), \(sender)")
                continue
            case "n": #expect(effects.refusals == sender.membership.map { [.notNow($0)] }, "\(body.type), \(sender)")
            case "s": #expect(effects.refusals == [.notServed], "\(body.type), \(sender)")
            default: #expect(effects.refusals == [.notOurServer], "\(body.type), \(sender)")
            }
            #expect(effects.order == "." && Snapshot(harness.observer) == before, "\(body.type), \(sender)")
        }
    }
}
