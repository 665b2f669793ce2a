import Glibc

/// The numeric addresses of a host, in the order in which they are tried.
enum HostAddresses {
    /// How many of one name's addresses are tried: a resolver must not keep us busy without end.
    static let limit = 8

    /// What the resolver has for a host; it blocks.
    /// - Throws: `BrokerFault.unknownHost`.
    static func lookUp(_ host: String) throws(BrokerFault) -> [String] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0, let list else { throw .unknownHost(host) }
        defer { freeaddrinfo(list) }
        let found = sequence(first: list, next: { $0.pointee.ai_next }).compactMap { text($0.pointee) }
        guard !found.isEmpty else { throw .unknownHost(host) }
        return ordered(found)
    }

    /// The families take turns, beginning with the first address's, so that a family that does not work here costs one attempt
    /// (RFC 8305, section 4). Within a family the resolver's order is kept.
    static func ordered(_ found: [String]) -> [String] {
        var once: [String] = []
        for address in found where !once.contains(address) { once.append(address) }
        guard let first = once.first else { return [] }
        let own = once.filter { isIPv6($0) == isIPv6(first) }
        let other = once.filter { isIPv6($0) != isIPv6(first) }
        var ordered: [String] = []
        for place in 0..<max(own.count, other.count) {
            if place < own.count { ordered.append(own[place]) }
            if place < other.count { ordered.append(other[place]) }
        }
        return Array(ordered.prefix(limit))
    }

    private static func isIPv6(_ address: String) -> Bool { address.contains(":") }

    private static func text(_ address: addrinfo) -> String? {
        var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        guard
            getnameinfo(
                address.ai_addr, address.ai_addrlen, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST) == 0
        else { return nil }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
