import BootTime
import Broker
import EventLoop
import Keys
import Observing
import SRUP

/// Messages from a broker on their way to the observer: the checks before the observer's own, and how long each server may
/// keep the beacon at work. What fails is counted, logged in one line, and dropped.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class MessageIntake: @unchecked Sendable {
    /// How long messages, or deadlines, are worked on before links have their turn; the journal's commit is added to it. Longer:
    /// devices wait for HELLO.
    static let turnLength = Duration.milliseconds(30)

    private let identity: Identifier
    private let keyring: () -> PublicKeys
    private let clock: any LoopClock
    private let reports: Reports
    private var work = WorkBudget()

    /// - Parameters:
    ///   - identity: our own.
    ///   - keyring: the servers' keys as they are now.
    init(_ identity: Identifier, keyring: @escaping () -> PublicKeys, clock: any LoopClock, reports: Reports) {
        (self.identity, self.keyring, self.clock, self.reports) = (identity, keyring, clock, reports)
    }

    /// Gives the observer the beginning of a batch, as much of it as one turn has time for.
    /// - Parameters:
    ///   - isShared: whether there are several servers, of which none may keep the beacon from the others for long.
    ///   - context: what the journal knows of a message.
    ///   - feed: gives an event to the observer; false where it refused it.
    /// - Returns: how many messages have been taken.
    func take(
        _ batch: ArraySlice<Incoming>, isShared: Bool, context: (Message) throws -> MessageContext,
        feed: (Event) throws -> Bool
    ) throws -> Int {
        let end = clock.now + MessageIntake.turnLength
        var taken = 0
        for (index, incoming) in zip(batch.indices, batch) {
            let begun = clock.now
            if let message = verified(incoming) {
                var context = try context(message.content)
                if !isShared || isInBudget(message.content, at: begun) {
                    context.isOvertaken = isOvertaken(message.content, in: batch[(index + 1)...])
                    // What is refused costs its sender nothing: anybody could copy an old message of it again and again.
                    if try feed(.message(message, context)) {
                        work.add(for: message.content.sender, from: begun, to: clock.now)
                    }
                }
            }
            taken += 1
            if clock.now >= end { break }
        }
        return taken
    }

    private func verified(_ incoming: Incoming) -> Verified<Message>? {
        do {
            let frame = try UnverifiedFrame(incoming.payload)
            guard frame.claimedSender != identity else { return nil }  // our own, on the shared topic
            return try frame.verified(by: keyring())
        } catch let error as FrameError {
            reports.refuse(.malformedFrame, "a message on \(shown(incoming.topic)): \(error)")
        } catch let error as VerificationError {
            switch error {
            case .unknownSender: reports.refuse(.unknownSender, "a message on \(shown(incoming.topic)): \(error)")
            case .badSignature: reports.refuse(.badSignature, "a message on \(shown(incoming.topic)): \(error)")
            }
        } catch {
            preconditionFailure("\(error)")
        }
        return nil
    }

    /// The publisher chooses the topic: only its printable ASCII characters are shown.
    private func shown(_ topic: String) -> String { readable(topic.utf8, atMost: 80, spaces: false) }

    /// Where there are several servers, none of them keeps the beacon from the others for long.
    private func isInBudget(_ message: Message, at now: Instant) -> Bool {
        guard !Received(message.body).isAlwaysHeard, !work.hasRoom(for: message.sender, at: now) else { return true }
        reports.refuse(
            .message(.tooFast),
            "\(message.body.type.name) from \(message.sender): it keeps this beacon from its other servers",
            sender: message.sender)
        return false
    }

    /// Whether a newer request of the same server for the same device is among these messages: then this one need not be opened. It
    /// counts only where its signature holds and its token names us, so that it is not a copy of what another beacon was asked.
    private func isOvertaken(_ message: Message, in later: ArraySlice<Incoming>) -> Bool {
        guard case .observationRequest(let device, _) = message.body else { return false }
        return later.contains { incoming in
            guard let frame = try? UnverifiedFrame(incoming.payload), frame.claimedSender == message.sender,
                case .observationRequest(device, _) = frame.unverifiedMessage.body,
                let newer = try? frame.verified(by: keyring()).content
            else { return false }
            return newer.sequence > message.sequence && newer.token != message.token && newer.token.parties != nil
                && newer.token.mayBe(from: newer.sender, for: identity)
        }
    }
}
