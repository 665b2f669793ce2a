import Keys
import ProofLink
import SRUP

// What a device records in its trace.
extension BenchNode {
    /// Records a message of the device's server, if the payload is one. What others publish is not recorded: nothing shows who they are.
    func record(received payload: [UInt8], checkedBy ring: PublicKeys) {
        guard trace != nil, let message = try? UnverifiedFrame(payload).verified(by: ring).content else { return }
        record(
            TraceLine(message, frame: payload, from: .c2, to: .device, receiver: id, at: TraceFile.now), isSent: false)
    }

    /// Records a frame of the proof link.
    func record(_ frame: LinkFrame, isSent: Bool, token: Token) {
        record(TraceLine(frame, isSent: isSent, device: id, token: token, at: TraceFile.now), isSent: isSent)
    }
}
