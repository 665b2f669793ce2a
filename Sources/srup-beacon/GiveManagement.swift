import ArgumentParser
import Daemon
import Operating

/// `srup-beacon give-management`
struct GiveManagement: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Open the kernel's Bluetooth management for the service, as root.",
        discussion: """
            What the unit of systemd starts before the beacon, with more rights than the beacon has: the socket is left with \
            systemd, and the beacon gets it. It changes nothing else.
            """, shouldDisplay: false)

    func run() throws {
        try reportingFaults {
            if let reason = try ManagementGrant.give() { say("the beacon gets no management socket: \(reason)") }
        }
    }
}
