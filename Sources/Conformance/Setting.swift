import Bench
import Keys
import Nearby
import ProofLink
import SRUP

/// Who plays with whom, and how the device is started.
package struct Setting: Sendable {
    /// The registration service that the device enrols at.
    package struct Service: Sendable {
        /// Its address.
        package var url: String
        /// CA certificates for it, PEM.
        package var authority: String
        /// A file with an enrolment token.
        package var token: String
        /// The command that enrols the device.
        package var command: String
        /// A token for reading keys; nil: everybody may read them.
        package var readerToken: String?

        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        package init(url: String, authority: String, token: String, command: String) {
            (self.url, self.authority, self.token, self.command) = (url, authority, token, command)
        }
    }

    /// The device's identity.
    package var device: Identifier
    /// Its public key; nil: it is asked from the registration service.
    package var deviceKey: PublicKey?
    /// The beacon that is played.
    package var beacon: Identifier
    /// The server that is played.
    package var server: Identifier
    /// The same with its broker; nil: the link alone is tested.
    package var node: BenchNode?
    /// Where the beacon listens.
    package var address: NearbyAddress
    /// What the device knows.
    package var modes: Set<Mode> = [.keyed, .challenge]
    /// The command that starts the device, for the shell; nil: a person starts it.
    package var command: String?
    /// nil: the device is enrolled.
    package var service: Service?
    /// Whether the command can stay as a member.
    package var isMember = false
    /// Whether cases that wait for time limits are tried.
    package var isPatient = false
    /// By how much the device, or this machine, is slower than usual.
    package var slowness = 1.0
    /// No case begins after this time.
    package var limit = Duration.seconds(1_800)
    /// A folder for sockets, keys and the device's state.
    package var folder: String

    /// A setting for a link alone.
    package init(device: Identifier, beacon: Identifier, server: Identifier, address: NearbyAddress, folder: String) {
        (self.device, self.beacon, self.server) = (device, beacon, server)
        (self.address, self.folder) = (address, folder)
    }

    /// Why a case is not tried; nil: it is.
    package func obstacle(to one: Case) -> String? {
        for need in Case.Need.allCases where one.needs.contains(need) {
            switch need {
            case .server where node == nil: return "needs a broker and a server"
            case .registry where service == nil: return "needs a registration service: --registry"
            case .member where !isMember: return "needs a command that stays as a member: --member"
            case .keyed where !modes.contains(.keyed): return "the device has no keyed mode (--modes)"
            case .challenge where !modes.contains(.challenge): return "the device has no challenge mode (--modes)"
            case .value where !modes.contains(.value): return "the device has no value mode (--modes)"
            case .stream where !address.transport.isStream: return "needs a stream, and this link has packets"
            case .packets where address.transport.isStream: return "needs packets, and this link is a stream"
            case .tagged where modes == [.value]: return "needs keyed or challenge mode (--modes)"
            case .timeLimits where !isPatient: return "takes long: --patient"
            case .server, .registry, .member, .keyed, .challenge, .value, .tagged, .stream, .packets, .timeLimits: break
            }
        }
        return nil
    }
}
