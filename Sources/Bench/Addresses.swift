import Links

extension BrokerAddress {
    /// From `HOST:PORT`; an IPv6 address stands in brackets.
    /// - Throws: `OperatorFault`.
    public init(option text: String) throws(OperatorFault) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            throw OperatorFault("«\(text)» is not HOST:PORT", hint: "name the broker as in broker.example:8883")
        }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
        guard !host.isEmpty else {
            throw OperatorFault("«\(text)» names no host", hint: "name the broker as in broker.example:8883")
        }
        self.init(host: String(host), port: port)
    }
}

extension NearbyAddress {
    /// From `local:PATH`, `rfcomm:AA:BB:CC:DD:EE:FF[/CHANNEL]`, `l2cap:ADDR[/PSM]`, `le:ADDR[/PSM]`, or
    /// `le-random:ADDR[/PSM]` where the beacon's LE address is a random one. A PSM is decimal or `0x…`.
    /// - Throws: `OperatorFault`.
    public init(option text: String) throws(OperatorFault) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw NearbyAddress.fault(text) }
        if parts[0] == "local" {
            self = .local(path: parts[1])
            return
        }
        let place = parts[1].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = BluetoothAddress(place[0]) else { throw NearbyAddress.fault(text) }
        let number = place.count == 2 ? NearbyAddress.number(place[1]) : nil
        guard place.count == 1 || number != nil else { throw NearbyAddress.fault(text) }
        switch parts[0] {
        case "rfcomm":
            let channel = number ?? UInt16(NearbyAddress.defaultChannel)
            guard (1...30).contains(channel) else { throw NearbyAddress.fault(text) }
            self = .rfcomm(address, channel: UInt8(channel))
        case "l2cap": self = .l2cap(address, psm: number ?? NearbyAddress.defaultPSM)
        case "le": self = .le(address, psm: number ?? NearbyAddress.defaultLEPSM, random: false)
        case "le-random": self = .le(address, psm: number ?? NearbyAddress.defaultLEPSM, random: true)
        default: throw NearbyAddress.fault(text)
        }
    }

    private static func number(_ text: Substring) -> UInt16? {
        text.hasPrefix("0x") ? UInt16(text.dropFirst(2), radix: 16) : UInt16(text)
    }

    private static func fault(_ text: String) -> OperatorFault {
        OperatorFault(
            "«\(text)» is not the address of a beacon's link",
            hint: "give local:PATH, rfcomm:AA:BB:CC:DD:EE:FF[/CHANNEL], l2cap:ADDR[/PSM] or le:ADDR[/PSM]")
    }
}
