import ArgumentParser
import HumanView
import Nearby
import SRUP

// What both commands take.

extension Identifier: ExpressibleByArgument {
    /// From 1 to 16 hexadecimal digits.
    public init?(argument: String) { self.init(hexadecimal: argument) }
}

extension HumanView: ExpressibleByArgument {}

extension NearbyAddress: ExpressibleByArgument {
    /// From `local:PATH`, `rfcomm:AA:BB:CC:DD:EE:FF[/CHANNEL]`, `l2cap:ADDR[/PSM]`, `le:ADDR[/PSM]` or `le-random:ADDR[/PSM]`.
    public init?(argument: String) { self.init(argument) }
}
