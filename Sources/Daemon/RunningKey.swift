import BootTime
import EventLoop
import Files
import Keys
import Observing
import SRUP

/// The identity key that this process signs with, compared with the file that it was read from, and whether an open observation needs
/// the one before the last rotation.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class RunningKey: @unchecked Sendable {
    private let clock: any LoopClock
    private let path: String
    private var file: File.Identity?
    private var publicKey: PublicKey
    /// How long what is opened now stays open at most.
    var window: Duration
    /// Until when an open observation may need the old key to be opened again.
    private var oldNeededUntil: Instant?

    init(_ materials: KeyMaterial, _ configuration: Configuration, clock: any LoopClock) {
        (path, file, publicKey) = (configuration.keyFile, materials.file, materials.key.publicKey)
        (window, self.clock) = (configuration.policy.observationWindow, clock)
    }

    /// The key file was read again.
    /// - Parameter openUntil: the last deadline of the open observations; nil: none is open.
    /// - Returns: whether it holds another key than before.
    func take(_ materials: KeyMaterial, openUntil: Instant?) -> Bool {
        let isOther = !materials.key.publicKey.equals(publicKey)
        (file, publicKey) = (materials.file, materials.key.publicKey)
        // What is open was opened by the key that is the old one now.
        if isOther { oldNeededUntil = openUntil }
        return isOther
    }

    /// The old key has opened a sealed value.
    func oldKeyOpened() { oldNeededUntil = max(oldNeededUntil ?? .boot, clock.now + window) }

    /// A rotation has left its mark until this key is in use: removes it. One of another key stays.
    func confirmRotation(in folder: CredentialFolder?) {
        if folder?.rotationMark == publicKey.fingerprint { folder?.removeRotationMark() }
    }

    /// What `status` tells.
    /// - Parameter isAnythingOpen: whether an observation is open.
    func report(isAnythingOpen: Bool) -> StatusReport.IdentityKey {
        let left = oldNeededUntil.map { $0 - clock.now } ?? .zero
        return StatusReport.IdentityKey(
            fingerprint: publicKey.fingerprint, isReplaced: file != nil && File.Identity(path) != file ? true : nil,
            oldKeyNeededSeconds: isAnythingOpen && left > .zero ? left.components.seconds + 1 : nil)
    }
}

extension StatusReport {
    /// The key that the beacon signs with.
    public struct IdentityKey: Codable, Equatable, Sendable {
        /// SHA-256 of the public key's DER, in hexadecimal digits.
        package var fingerprint: String
        /// true: its file was replaced after the beacon had read it. nil: it was not.
        package var isReplaced: Bool?
        /// How long an open observation may still need the key before the last rotation; nil: none does.
        package var oldKeyNeededSeconds: Int64?

        private enum CodingKeys: String, CodingKey {
            case fingerprint, oldKeyNeededSeconds
            case isReplaced = "replaced"
        }

        /// What is wrong with it, for a person; nil: nothing.
        package var trouble: String? {
            isReplaced == true
                ? "its file was replaced after this beacon had read it: servers may know another key" : nil
        }

        /// What to do about that.
        package static let hint =
            "finish an interrupted rotation: srup-beacon rotate; otherwise: systemctl reload srup-beacon"
    }
}
