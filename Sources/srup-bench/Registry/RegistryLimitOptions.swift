import ArgumentParser
import Arguments
import Registration

/// The limits of `registry run` for its clients. A refused client is told when to come again.
struct RegistryLimitOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Requests that one address may make in a minute, 1 to 1000000; an IPv6 /64 is one address. An enrolment makes about seven.",
            valueName: "n"))
    var requestsPerMinute = RegistryPolicy().requestsAMinute

    @Option(help: ArgumentHelp("Requests of all addresses in a minute, 1 to 1000000.", valueName: "n"))
    var allRequestsPerMinute = RegistryPolicy().allRequestsAMinute

    @Option(help: ArgumentHelp("Connections of one address at a time, 1 to 10000.", valueName: "n"))
    var connectionsPerAddress = ConnectionBounds.Limits.usualOfOne

    @Option(
        help: ArgumentHelp(
            "Connections of all addresses at a time, 8 to 10000; fewer where the process may not open as many files.",
            valueName: "n"))
    var allConnections = ConnectionBounds.Limits.usualInAll

    @Option(help: ArgumentHelp("Identities that may wait for their validation, 1 to 10000000.", valueName: "n"))
    var mostWaiting = RegistryPolicy().mostWaiting

    @Option(help: ArgumentHelp("Identities in total, with the revoked ones, 1 to 10000000.", valueName: "n"))
    var mostIdentities = RegistryPolicy().mostIdentities

    @Option(help: ArgumentHelp("Certificates, and new keys, for one identity in an hour, 1 to 1000.", valueName: "n"))
    var certificatesPerHour = RegistryPolicy().certificatesAnHour

    func validate() throws {
        try check("--requests-per-minute", requestsPerMinute, RegistryPolicy.Bounds.requests)
        try check("--all-requests-per-minute", allRequestsPerMinute, RegistryPolicy.Bounds.requests)
        try check("--connections-per-address", connectionsPerAddress, 1...10_000)
        try check("--all-connections", allConnections, 8...10_000)
        try check("--most-waiting", mostWaiting, RegistryPolicy.Bounds.identities)
        try check("--most-identities", mostIdentities, RegistryPolicy.Bounds.identities)
        try check("--certificates-per-hour", certificatesPerHour, RegistryPolicy.Bounds.certificates)
    }

    private func check<Number: BinaryInteger>(_ option: String, _ value: Number, _ range: ClosedRange<Number>) throws {
        guard range.contains(value) else {
            throw ValidationError("\(option) takes \(range.lowerBound) to \(range.upperBound)")
        }
    }

    func apply(to policy: inout RegistryPolicy) {
        (policy.requestsAMinute, policy.allRequestsAMinute) = (requestsPerMinute, allRequestsPerMinute)
        (policy.mostWaiting, policy.mostIdentities) = (mostWaiting, mostIdentities)
        policy.certificatesAnHour = certificatesPerHour
    }

    var connections: ConnectionBounds.Limits {
        .init(inAll: allConnections, ofOne: connectionsPerAddress, listeners: 1)
    }
}
