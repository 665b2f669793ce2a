// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "srup-beacon",
    products: [
        .executable(name: "srup-beacon", targets: ["srup-beacon"]),
        .executable(name: "srup-bench", targets: ["srup-bench"]),
        // For other programs: a device of one's own, a server, a tool (Examples/Device).
        .library(name: "SRUP", targets: ["SRUP"]),
        .library(name: "ProofLink", targets: ["ProofLink"]),
        .library(name: "Keys", targets: ["Keys", "OperatorText"]),
        // For LD_PRELOAD, by the tests alone.
        .library(name: "WrongClock", type: .dynamic, targets: ["WrongClock"]),
    ],
    // A package that depends on the libraries says `traits: []`, and resolves none of the packages below (docs/decisions/0022).
    traits: [
        .default(enabledTraits: ["Commands"]),
        .trait(name: "Commands", description: "srup-beacon, srup-bench and the packages that only they need."),
    ],
    // Exactly these versions. Those of the packages that they need in turn are in Scripts/versions.txt, and Scripts/pin
    // applies them: named here they would be warned of as unused. Why Package.resolved does not do it: see .gitignore.
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        // The bench kit's registration service only: the daemon is not linked with it.
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    ],
    targets: [
        // What operators read and write: errors with a message and a hint, host and port.
        .target(name: "OperatorText", dependencies: ["SRUP"]),

        // The pure rooms: no Foundation, no C, no clock, no randomness.
        .target(name: "SRUP"),
        .target(name: "ProofLink", dependencies: ["SRUP"]),
        .target(name: "BootTime"),
        .target(name: "Observing", dependencies: ["SRUP", "ProofLink", "BootTime"]),
        .target(name: "Bluetooth", dependencies: ["SRUP", "ProofLink", "BootTime"]),

        // The world.
        .target(name: "Files", dependencies: ["OperatorText", "CLinux"]),
        .target(name: "SQLite", dependencies: ["OperatorText", "Files", "CSQLite"]),
        .target(name: "Keys", dependencies: ["OperatorText", "SRUP", "Files", "COpenSSL"]),
        // The record of verdicts: its chain, its heads, and the check of an exported one.
        .target(name: "Auditing", dependencies: ["OperatorText", "SRUP", "ProofLink", "Files", "Keys"]),
        .target(name: "Fetching", dependencies: ["OperatorText", "CCurl"]),
        .target(name: "Enrolling", dependencies: ["OperatorText", "SRUP", "Files", "Keys", "Fetching", "EventLoop"]),
        .target(name: "EventLoop", dependencies: ["BootTime", "CLinux"]),
        .target(
            name: "Broker",
            dependencies: ["OperatorText", "BootTime", "EventLoop", "CMosquitto", "COpenSSL", "CLinux"]),
        .target(
            name: "Nearby",
            dependencies: [
                "OperatorText", "SRUP", "ProofLink", "BootTime", "Bluetooth", "Files", "EventLoop", "CBlueZ", "CLinux",
                "CSystemBus",
            ]),
        .target(
            name: "Daemon",
            dependencies: [
                "OperatorText", "SRUP", "ProofLink", "Observing", "Files", "Keys", "BootTime", "EventLoop", "Broker",
                "Bluetooth",
                "Nearby", "HumanView", "SQLite", "CSQLite", "CINI", "CLinux", "Auditing",
                .product(name: "Logging", package: "swift-log"),
            ]),
        // The operator's subcommands, which run in processes of their own: what needs HTTP is here and not in the daemon.
        .target(
            name: "Operating",
            dependencies: [
                "OperatorText", "Daemon", "SRUP", "ProofLink", "Observing", "Files", "Keys", "BootTime", "EventLoop",
                "Broker",
                "Bluetooth", "Nearby", "HumanView", "Fetching", "Enrolling", "SQLite",
            ]),
        .target(name: "HumanView", dependencies: ["OperatorText", "SRUP", "CPNG", "CQRencode"]),
        // The kit: Bench has what its servers share as well (nodes, traces, diagrams); the two servers
        // import it, and neither knows the other.
        .target(
            name: "Bench",
            dependencies: [
                "OperatorText", "SRUP", "ProofLink", "Files", "Keys", "BootTime", "EventLoop", "Broker", "Bluetooth",
                "Nearby",
                "HumanView", "Enrolling", "CLinux",
            ]),
        .target(
            name: "C2Server",
            dependencies: [
                "OperatorText", "Bench", "SRUP", "ProofLink", "Files", "Keys", "BootTime", "EventLoop", "Broker",
                "HumanView",
                "Fetching", "Enrolling", "SQLite", "Auditing",
            ],
            resources: ["console.css", "console.js", "icon.svg"].map { .embedInCode("Console/Assets/\($0)") }),
        .target(
            name: "Registration",
            dependencies: [
                "OperatorText", "Bench", "SRUP", "Files", "Keys", "BootTime", "EventLoop", "Enrolling", "SQLite",
            ]),
        // A conformance test for devices: plays registry, server and beacon against one.
        .target(
            name: "Conformance",
            dependencies: [
                "OperatorText", "Bench", "SRUP", "ProofLink", "Files", "Keys", "BootTime", "EventLoop", "Broker",
                "Nearby", "Fetching", "Enrolling",
            ]),
        // How both commands read their arguments, and what they say where they cannot.
        .target(
            name: "Arguments",
            dependencies: [
                "EventLoop", "OperatorText", "SRUP", "HumanView", "Nearby",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "srup-beacon",
            dependencies: [
                "OperatorText", "Arguments", "Daemon", "Operating", "Enrolling", "HumanView", "Auditing", "Files",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "srup-bench",
            dependencies: [
                "OperatorText", "Arguments", "BootTime", "Bench", "C2Server", "Registration", "Conformance",
                "Enrolling",
                "HumanView", "Auditing", "Files",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]),

        // One C target a library: its header, and a `static inline` only for what Swift cannot import.
        .target(
            name: "COpenSSL", path: "Sources/CLibraries/COpenSSL",
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        .target(
            name: "CMosquitto", path: "Sources/CLibraries/CMosquitto",
            linkerSettings: [.linkedLibrary("mosquitto")]),
        .target(name: "CBlueZ", path: "Sources/CLibraries/CBlueZ"),
        .target(
            name: "CSQLite", path: "Sources/CLibraries/CSQLite",
            linkerSettings: [.linkedLibrary("sqlite3")]),
        .target(
            name: "CINI", path: "Sources/CLibraries/CINI",
            linkerSettings: [.linkedLibrary("inih")]),
        .target(name: "CLinux", path: "Sources/CLibraries/CLinux"),
        .target(name: "CSystemBus", path: "Sources/CLibraries/CSystemBus"),  // loaded when wanted, not linked
        .target(name: "CCurl", path: "Sources/CLibraries/CCurl"),  // loaded when wanted, not linked
        .target(name: "CPNG", path: "Sources/CLibraries/CPNG"),  // the same
        .target(name: "CQRencode", path: "Sources/CLibraries/CQRencode"),  // the same

        // What Scripts/bench runs: our figures beside the same work in C.
        .target(
            name: "Loop", path: "Scripts/Measure/Loop",
            linkerSettings: [.linkedLibrary("crypto"), .linkedLibrary("sqlite3")]),
        .executableTarget(
            name: "measure",
            dependencies: [
                "Daemon", "SRUP", "ProofLink", "Observing", "Keys", "BootTime", "EventLoop", "SQLite", "Loop",
                "SystemSupport",
            ],
            path: "Scripts/Measure/Main"),

        // A device's end of the link as a command, for the vectors and for comparison with those in C and Python (Scripts/c-device).
        .executableTarget(
            name: "link-driver", dependencies: ["SRUP", "ProofLink", "Keys"], path: "Scripts/LinkDriver"),

        // A disk in memory that loses power, for the journal's tests.
        .target(name: "CutDisk", path: "Tests/CutDisk", linkerSettings: [.linkedLibrary("sqlite3")]),

        // A wall clock that is wrong, preloaded into the beacon by the whole-system tests.
        .target(name: "WrongClock", path: "Tests/WrongClock"),

        // The reference's frames and the test keys, for the tests only.
        .target(
            name: "TestVectors", dependencies: ["OperatorText", "BootTime", "EventLoop", "SRUP", "ProofLink", "Keys"],
            path: "Tests/Support"),
        .testTarget(name: "OperatorTextTests", dependencies: ["OperatorText", "SRUP", "TestVectors"]),
        .testTarget(name: "SRUPTests", dependencies: ["SRUP", "Keys", "TestVectors"]),
        .testTarget(name: "AuditingTests", dependencies: ["Auditing", "SRUP", "ProofLink", "Keys", "TestVectors"]),
        .testTarget(name: "FilesTests", dependencies: ["OperatorText", "Files", "TestVectors"]),
        .testTarget(name: "KeysTests", dependencies: ["OperatorText", "SRUP", "Keys", "TestVectors", "SystemSupport"]),
        .testTarget(
            name: "FetchingTests", dependencies: ["OperatorText", "Fetching", "SystemSupport", "TestVectors"],
            exclude: ["files.py"]),
        .testTarget(
            name: "EnrollingTests",
            dependencies: ["OperatorText", "Enrolling", "Fetching", "SRUP", "Keys", "TestVectors"],
            exclude: ["code.jpg"]),
        .testTarget(name: "ProofLinkTests", dependencies: ["ProofLink", "Keys", "TestVectors"]),
        .testTarget(name: "ObservingTests", dependencies: ["BootTime", "Observing", "Keys"]),
        .testTarget(
            name: "OperatingTests",
            dependencies: [
                "OperatorText", "Operating", "Daemon", "Observing", "ProofLink", "Keys", "BootTime", "EventLoop",
                "Broker",
                "Fetching", "SRUP", "Registration", "TestVectors",
            ]),
        .testTarget(
            name: "DaemonTests",
            dependencies: [
                "OperatorText", "Daemon", "SRUP", "ProofLink", "Observing", "Files", "Keys", "BootTime", "EventLoop",
                "Broker",
                "Bluetooth",
                "Nearby",
                "SQLite", "Auditing", "TestVectors", "CutDisk", "CLinux",
            ]),
        .testTarget(name: "BluetoothTests", dependencies: ["BootTime", "Bluetooth", "SRUP", "ProofLink"]),
        .testTarget(name: "EventLoopTests", dependencies: ["BootTime", "EventLoop", "CLinux", "TestVectors"]),
        .testTarget(
            name: "BrokerTests", dependencies: ["OperatorText", "BootTime", "EventLoop", "Broker", "TestVectors"]),
        .testTarget(
            name: "NearbyTests",
            dependencies: [
                "OperatorText", "Nearby", "BootTime", "Bluetooth", "EventLoop", "SRUP", "ProofLink", "TestVectors",
            ]),
        .testTarget(
            name: "BenchTests",
            dependencies: [
                "OperatorText", "Bench", "HumanView", "SRUP", "ProofLink", "Keys", "BootTime", "Bluetooth", "EventLoop",
                "Broker",
                "Nearby",
                "TestVectors",
            ]),
        .testTarget(
            name: "C2ServerTests",
            dependencies: [
                "OperatorText", "C2Server", "Bench", "Enrolling", "Fetching", "HumanView", "SRUP", "ProofLink",
                "Observing",
                "Keys", "BootTime", "EventLoop", "Broker", "SQLite", "Auditing", "TestVectors",
            ]),
        .testTarget(
            name: "RegistrationTests",
            dependencies: [
                "OperatorText", "BootTime", "Registration", "Bench", "Enrolling", "Fetching", "SRUP", "Files", "Keys",
                "TestVectors",
            ]),
        .testTarget(
            name: "ConformanceTests",
            dependencies: ["Conformance", "ProofLink", "SRUP", "Keys", "Nearby", "SystemSupport", "TestVectors"],
            exclude: ["broken_device.py"]),
        .testTarget(
            name: "ArgumentsTests",
            dependencies: [
                "Arguments", "TestVectors", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .testTarget(
            name: "HumanViewTests",
            dependencies: [
                "OperatorText", "HumanView", "SRUP", "COpenSSL", "SystemSupport", "TestVectors", "srup-bench",
            ]),
        // The real commands, a real broker, real sockets; with RadioTests, real links over (linked, virtual) radios.
        .target(
            name: "SystemSupport",
            dependencies: ["SRUP", "ProofLink", "Keys", "BootTime", "EventLoop", "Broker", "Bluetooth", "Nearby"],
            path: "Tests/SystemSupport"),
        .testTarget(
            name: "SystemTests",
            dependencies: [
                "SRUP", "ProofLink", "Keys", "BootTime", "EventLoop", "Broker", "Bluetooth", "Nearby", "SystemSupport",
                "TestVectors", "srup-beacon", "srup-bench",
            ],
            exclude: ["Registry", "Console", "hostile-broker.py"]),
        .testTarget(
            name: "RadioTests",
            dependencies: [
                "SRUP", "ProofLink", "Keys", "BootTime", "EventLoop", "Broker", "Bluetooth", "Nearby", "SystemSupport",
                "srup-beacon", "srup-bench",
            ],
            exclude: ["bumble"]),
    ]
)

// Products of other packages are for the commands alone, whichever target names them: without the trait nothing is resolved.
for target in package.targets {
    target.dependencies = target.dependencies.map { dependency in
        guard case .productItem(let name, let package, let aliases, _) = dependency else { return dependency }
        return .productItem(
            name: name, package: package, moduleAliases: aliases, condition: .when(traits: ["Commands"]))
    }
}

// What Scripts/fuzz builds: it links with libFuzzer only.
if Context.environment["SRUP_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "OperatorText", "SRUP", "ProofLink", "Keys", "BootTime", "EventLoop", "Nearby", "Fetching", "Enrolling",
                "Daemon",
            ],
            path: "Scripts/Fuzz"))
}
