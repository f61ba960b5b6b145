public import KubernetesModel

/// The original's own Pods, port by port, as the decoy's Endpoints object lists them: a way past a decoy that is gone.
public struct OriginalEndpoints: Sendable, Hashable {
    /// One Pod's address for one Service port.
    public struct Address: Sendable, Hashable {
        /// The Pod's IP address.
        public var host: String
        /// The port the Pod listens on.
        public var port: Int

        /// An address by its parts.
        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    /// Ready addresses by Service port number.
    public private(set) var addresses: [Int: [Address]] = [:]

    /// No addresses.
    public init() {}

    /// The ready addresses in an Endpoints object; ports are told apart by name, as the Service's are.
    public init(_ endpoints: DynamicObject, ports: [InterceptedPort]) {
        for subset in endpoints["subsets"]?.array ?? [] {
            let hosts = (subset["addresses"]?.array ?? []).compactMap { $0["ip"]?.string }
            for port in ports {
                let found = (subset["ports"]?.array ?? []).first { ($0["name"]?.string ?? "") == port.name }
                guard let number = found?["port"]?.integer else { continue }
                self.addresses[port.port, default: []] += hosts.map { Address(host: $0, port: Int(number)) }
            }
        }
    }
}
