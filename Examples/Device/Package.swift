// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "device",
    dependencies: [
        // Elsewhere: .package(url: "https://…/srup-beacon", exact: "…", traits: []). Without `traits: []`, SwiftPM also resolves the
        // packages of the commands: 25, an HTTP server among them.
        .package(name: "srup-beacon", path: "../..", traits: [])
    ],
    targets: [
        .executableTarget(
            name: "Device",
            dependencies: ["SRUP", "ProofLink", "Keys"].map { .product(name: $0, package: "srup-beacon") })
    ]
)
