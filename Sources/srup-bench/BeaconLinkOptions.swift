import ArgumentParser
import Arguments
import Bluetooth
import Nearby

/// Where a beacon's link is: the options that load and replay share.
struct BeaconLinkOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The address of the beacon's link, as for srup-bench device (required).", valueName: "address"))
    var link: NearbyAddress

    @Option(help: ArgumentHelp("The address of the local Bluetooth adapter. Default: any.", valueName: "bdaddr"))
    var adapter: BluetoothAddress?
}
