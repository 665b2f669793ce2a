import Broker
import Nearby
import OperatorText

extension BrokerAddress {
    /// From `HOST:PORT`; an IPv6 address is in brackets.
    /// - Throws: `OperatorFault`.
    public init(option text: String) throws(OperatorFault) {
        guard let place = try? HostAndPort(text) else {
            throw OperatorFault("\"\(text)\" is not HOST:PORT", hint: "write it as in broker.example:8883")
        }
        self.init(place)
    }
}

extension NearbyAddress {
    /// From the address's text form.
    /// - Throws: `OperatorFault`.
    public init(option text: String) throws(OperatorFault) {
        guard let address = NearbyAddress(text) else {
            throw OperatorFault(
                "\"\(text)\" is not a valid address of a beacon's link",
                hint: "give local:PATH, rfcomm:AA:BB:CC:DD:EE:FF[/CHANNEL], l2cap:ADDR[/PSM] or le:ADDR[/PSM]")
        }
        self = address
    }
}
