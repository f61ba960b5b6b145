// swift-tools-version: 6.2

import PackageDescription

// One package, one executable. The layers are those of ARCHITECTURE.md; a target may depend on layers below its own only.
// Leaf targets stay free of NIOSSL and Crypto, so that their tests build in seconds.

// Continuous integration sets this: our own warnings are errors there, those of dependencies are not.
let strictness: [SwiftSetting] = Context.environment["DETOUR_STRICT"] == nil ? [] : [.treatAllWarnings(as: .error)]

let settings: [SwiftSetting] =
    strictness + [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableUpcomingFeature("InferIsolatedConformances"),
    ]

// Exclusivity checks at run time cost the data path 5 to 7 % and find nothing the tests do not; bounds checks stay.
let dataPath: [SwiftSetting] =
    settings + [
        .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
    ]

// What every test on a model of the API server waits for, thousands of runs of some: optimised in debug builds too.
let parsing: [SwiftSetting] = settings + [.unsafeFlags(["-O"], .when(configuration: .debug))]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let nioConcurrency: Target.Dependency = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioFoundation: Target.Dependency = .product(name: "NIOFoundationCompat", package: "swift-nio")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "_CryptoExtras", package: "swift-crypto")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let nioSOCKS: Target.Dependency = .product(name: "NIOSOCKS", package: "swift-nio-extras")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")

let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

func library(_ name: String, _ dependencies: [Target.Dependency] = [], settings: [SwiftSetting] = settings) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.init(stringLiteral: name), "TestSupport"] + dependencies,
        exclude: exclude,
        swiftSettings: settings
    )
}

let package = Package(
    name: "detour",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "detour", targets: ["detour"]),
        // For the package in Benchmarks only: the data path, with the values it is set up from.
        .library(name: "ProxyTransport", targets: ["ProxyTransport", "ProxyCore", "SocketLoop", "TrafficMatch"]),
        // For the package in Fuzz only.
        .library(name: "FuzzTargets", targets: ["FuzzTargets"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2"),
    ],
    targets: [
        // Layer 0: values. The standard library only.
        library("TrafficMatch"),
        library("HTTPWire", settings: dataPath),
        library("HTTP2Wire", settings: dataPath),
        library("TLSWire"),
        library("NetworkAddress"),
        library("KubernetesModel", settings: parsing),
        // Layer 1: machines. No I/O, no clock, no locks.
        library("ProxyCore", ["TrafficMatch", "HTTPWire", "HTTP2Wire", "TLSWire"], settings: dataPath),
        library("HTTP2Relay", ["ProxyCore", "TrafficMatch", "HTTP2Wire", nioCore], settings: dataPath),
        library("GatewayCore", ["HTTPWire", "NetworkAddress", "ProxyCore", "TrafficMatch"], settings: dataPath),
        library("Tunnel", [nioCore], settings: dataPath),
        library("InterceptPlanning", ["KubernetesModel", "TrafficMatch"]),
        library("KubernetesWatch", ["KubernetesModel"]),
        library("ResponseDiff", ["CZlib", "HTTPWire", "KubernetesModel"]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        // Layer 2: I/O.
        library("HandshakeFault", [nioCore, nioSSL]),
        library("Telemetry", [nioPosix], settings: dataPath),
        library("AdminPort", [httpTypes, hummingbird, logging, nioCore]),
        // What Swift's module of the C library leaves out.
        .target(name: "CEpoll"),
        library("SocketLoop", ["CEpoll", nioCore], settings: dataPath),
        library("SocketTLS", ["HandshakeFault", nioCore, nioSSL, nioTLS], settings: dataPath),
        library(
            "ProxyEngine",
            [
                "GatewayCore", "HandshakeFault", "HTTPWire", "NetworkAddress", "ProxyCore", "SocketLoop", "SocketTLS",
                "Telemetry",
                "TrafficMatch", nioCore, nioPosix, logging,
            ],
            settings: dataPath
        ),
        library(
            "ProxyTransport",
            [
                "HandshakeFault", "ProxyCore", "HTTP2Relay", "HTTP2Wire", "HTTPWire", "SocketLoop", "Telemetry",
                "TLSWire", "TrafficMatch", "Tunnel", nioCore, nioPosix,
                nioSSL, nioTLS, x509, asn1, logging,
            ],
            settings: dataPath
        ),
        library(
            "TunnelTransport",
            ["HandshakeFault", "Tunnel", nioCore, nioPosix, nioSSL, nioTLS, crypto, x509, asn1, logging],
            settings: dataPath
        ),
        library(
            "KubernetesClient",
            [
                "HandshakeFault", "KubernetesModel", "KubernetesWatch", "NetworkAddress", nioCore, nioPosix, nioSSL,
                nioTLS, nioHTTP1, nioWebSocket,
                nioFoundation, nioSOCKS, asyncHTTPClient, yams, logging, subprocess,
                system,
            ]
        ),
        library("SessionControl", ["InterceptPlanning", "KubernetesClient", "KubernetesModel", logging]),
        library("OCIImage", ["KubernetesModel", crypto, asyncHTTPClient, nioCore, nioHTTP1, nioPosix]),
        // Starts programs that do not outlive this one, or that do; C, because Swift can call neither fork nor prctl.
        .target(name: "CSpawn"),
        // Layer 3: roles.
        library(
            "Intercept",
            [
                "CSpawn", "HTTP2Relay", "HTTP2Wire", "HTTPWire", "InterceptPlanning", "KubernetesClient",
                "KubernetesModel", "ResponseDiff", "SessionControl", "TrafficMatch", "TunnelTransport", "Tunnel",
                nioCore, nioPosix, logging,
            ]
        ),
        library(
            "Interceptor",
            [
                "AdminPort", "InterceptPlanning", "KubernetesClient", "KubernetesModel", "ProxyCore", "ProxyTransport",
                "SessionControl", "Telemetry", "TrafficMatch", "Tunnel", "TunnelTransport", lifecycle,
                logging,
                nioCore, nioPosix,
            ]
        ),
        library(
            "Gateway",
            [
                "AdminPort", "GatewayCore", "HTTPWire", "NetworkAddress", "ProxyEngine", "SocketLoop", "Telemetry",
                "TrafficMatch",
                asyncHTTPClient, logging, nioCore, nioHTTP1, nioPosix, yams,
            ]
        ),
        // Layer 4: the executable. Wiring and rendering only.
        .executableTarget(
            name: "detour",
            dependencies: [
                "Gateway", "Intercept", "Interceptor", "InterceptPlanning", "KubernetesClient", "KubernetesModel",
                "OCIImage", "ResponseDiff", "SessionControl", "TrafficMatch", arguments, logging, lifecycle,
                unixSignals, yams,
            ],
            swiftSettings: settings
        ),

        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
        // Connections and servers that a test holds in its hands.
        .target(
            name: "PeerTestSupport",
            dependencies: [nioCore, nioPosix, nioSSL, nioTLS],
            path: "Tests/PeerTestSupport",
            swiftSettings: settings
        ),
        // What libFuzzer feeds, and what must hold of it.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "GatewayCore", "HTTP2Relay", "HTTP2Wire", "HTTPWire", "ProxyCore", "TLSWire", "TrafficMatch", nioCore,
            ],
            path: "Tests/FuzzTargets",
            swiftSettings: settings
        ),
        .testTarget(name: "FuzzTargetsTests", dependencies: ["FuzzTargets"], swiftSettings: settings),
        .target(
            name: "KubernetesTestSupport",
            dependencies: [
                "KubernetesModel", "KubernetesClient", "TestSupport", nioCore, nioHTTP1, nioPosix, nioSSL,
            ],
            path: "Tests/KubernetesTestSupport",
            swiftSettings: parsing
        ),
        // A proxy that does wrong what a script says, in front of an API server.
        .target(
            name: "APIFaults",
            dependencies: ["HTTPWire", "KubernetesTestSupport", "TestSupport", nioCore, nioPosix, nioSSL],
            path: "Tests/APIFaults",
            swiftSettings: settings
        ),
        .target(
            name: "CertificateTestSupport",
            dependencies: [crypto, cryptoExtras, x509, asn1],
            path: "Tests/CertificateTestSupport",
            swiftSettings: settings
        ),
        // Programs, load and the shop, as tests and measurements on the real cluster use them.
        .target(
            name: "ClusterTestSupport",
            dependencies: ["KubernetesModel"],
            path: "Tests/ClusterTestSupport",
            swiftSettings: settings
        ),
        // The proxy of faults in front of the real API server.
        .target(
            name: "ClusterFaults",
            dependencies: ["APIFaults", "CertificateTestSupport", "ClusterTestSupport", nioCore, nioPosix, nioSSL],
            path: "Tests/ClusterFaults",
            swiftSettings: settings
        ),
        // `make reliability`; no product of this package.
        .executableTarget(
            name: "reliability",
            dependencies: [
                "APIFaults", "ClusterFaults", "ClusterTestSupport", "InterceptPlanning", "KubernetesClient",
                "KubernetesModel", "TestSupport",
                asyncHTTPClient, nioCore, nioHTTP1, unixSignals,
            ],
            path: "Tests/Reliability",
            swiftSettings: settings
        ),
        .testTarget(
            name: "ReliabilityTests",
            dependencies: [
                "reliability", "APIFaults", "ClusterTestSupport", "InterceptPlanning", "KubernetesModel",
                "TestSupport",
            ],
            exclude: ["Goldens"],
            swiftSettings: settings
        ),
        tests("TrafficMatch"),
        tests("HTTPWire"),
        tests("KubernetesModel"),
        tests("ProxyCore", ["TrafficMatch", "HTTPWire", "TLSWire"]),
        tests("GatewayCore", ["HTTPWire", "NetworkAddress", "ProxyCore", "TrafficMatch"]),
        tests("Telemetry"),
        tests(
            "ProxyEngine",
            [
                "CertificateTestSupport", "GatewayCore", "HTTPWire", "NetworkAddress", "PeerTestSupport", "ProxyCore",
                "SocketLoop", "Telemetry",
                "TrafficMatch", logging, nioCore, nioSSL,
            ]
        ),
        tests(
            "Gateway",
            ["GatewayCore", "NetworkAddress", "PeerTestSupport", "ProxyEngine", "SocketLoop", "TrafficMatch", logging]
        ),
        tests("Tunnel", [nioCore]),
        tests("InterceptPlanning", ["KubernetesModel", "TrafficMatch"], exclude: ["Goldens", "Doctor/Goldens"]),
        tests("KubernetesWatch", ["KubernetesModel"]),
        tests("ResponseDiff", ["CZlib", "HTTPWire", "KubernetesModel"], exclude: ["Goldens"]),
        tests("HTTP2Wire"),
        tests("SocketLoop", [nioCore]),
        tests("SocketTLS", ["CertificateTestSupport", nioCore, nioEmbedded, nioSSL]),
        tests("HandshakeFault", [nioCore, nioEmbedded, nioSSL]),
        tests("TLSWire"),
        tests("HTTP2Relay", ["ProxyCore", "HTTP2Wire", "TrafficMatch", nioCore]),
        tests(
            "ProxyTransport",
            [
                "CertificateTestSupport", "HTTP2Relay", "PeerTestSupport", "ProxyCore", "HTTP2Wire", "HTTPWire",
                "SocketLoop", "Telemetry", "TLSWire",
                "TrafficMatch", "Tunnel", nioCore, nioPosix, nioEmbedded, nioSSL, nioTLS,
            ],
            exclude: ["GRPC"]
        ),
        tests(
            "TunnelTransport",
            ["CertificateTestSupport", "Tunnel", crypto, logging, nioCore, nioPosix, nioEmbedded, nioSSL],
            exclude: ["Interop"]
        ),
        tests(
            "KubernetesClient",
            [
                "KubernetesModel", "KubernetesTestSupport", "KubernetesWatch", "NetworkAddress", nioCore, nioPosix,
                nioEmbedded, nioSSL, nioHTTP1, nioWebSocket, nioSOCKS, crypto, x509, asn1,
            ],
            exclude: ["Fixtures"]
        ),
        tests(
            "SessionControl",
            ["InterceptPlanning", "KubernetesClient", "KubernetesModel", "KubernetesTestSupport", "TrafficMatch"]
        ),
        tests("OCIImage", ["KubernetesModel", nioCore], exclude: ["Goldens"]),
        tests(
            "Intercept",
            [
                "CSpawn", "HTTP2Relay", "HTTP2Wire", "InterceptPlanning", "KubernetesClient", "KubernetesModel",
                "KubernetesTestSupport", "ResponseDiff", "SessionControl",
                "TrafficMatch", "Tunnel", "TunnelTransport", logging, nioCore, nioPosix,
            ]
        ),
        tests(
            "Interceptor",
            [
                "CertificateTestSupport", "InterceptPlanning", "KubernetesClient", "KubernetesModel",
                "KubernetesTestSupport", "ProxyTransport",
                "SessionControl", "TrafficMatch", "Tunnel", "TunnelTransport", logging, nioCore, nioPosix, nioSSL,
            ]
        ),
        .testTarget(
            name: "CommandLineTests",
            dependencies: [
                "detour", "ClusterTestSupport", "Intercept", "InterceptPlanning", "KubernetesClient",
                "KubernetesModel", "KubernetesTestSupport", "ResponseDiff", "TestSupport", "TrafficMatch", arguments,
                nioCore, yams,
            ],
            exclude: ["Goldens"],
            swiftSettings: settings
        ),
        tests(
            "APIFaults",
            [
                "CertificateTestSupport", "KubernetesClient", "KubernetesModel", "KubernetesTestSupport", nioCore,
                nioPosix, nioSSL,
            ]
        ),
        // The real cluster: needs root on Linux and a running `scripts/cluster`.
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "APIFaults", "CertificateTestSupport", "ClusterFaults", "ClusterTestSupport", "KubernetesModel",
                "TestSupport", "Tunnel", "TunnelTransport",
                "reliability",
                logging, nioCore, nioPosix, nioSSL, subprocess,
            ],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)
