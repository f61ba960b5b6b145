import Testing

@testable import InterceptPlanning

@Suite("Address blocks")
struct AddressBlockTests {
    @Test(
        "An address lies in a block, or not",
        arguments: [
            ("10.0.0.0/8", "10.244.0.7", true), ("10.0.0.0/8", "11.0.0.1", false), ("0.0.0.0/0", "192.0.2.1", true),
            ("10.244.0.0/23", "10.244.1.255", true), ("10.244.0.0/23", "10.244.2.0", false),
            ("192.0.2.7/32", "192.0.2.7", true), ("192.0.2.7", "192.0.2.8", false), ("::/0", "192.0.2.1", false),
            ("0.0.0.0/0", "2001:db8::1", false), ("2001:db8::/32", "2001:db8:1::2", true),
            ("2001:db8::/32", "2001:db9::", false), ("::1/128", "0:0:0:0:0:0:0:1", true),
            ("::ffff:10.0.0.0/104", "::ffff:10.9.9.9", true), ("::/0", "::", true), ("10.0.0.0/8", "leaf", false),
        ]
    )
    func contains(block: String, address: String, isInside: Bool) throws {
        #expect(try #require(AddressBlock(block)).contains(address) == isInside)
    }

    @Test(
        "What is no block is none",
        arguments: [
            "", "10.0.0/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.256/8", "::/129", "1:2:3/64",
            "1::2::3/64",
            "10.0.0.0/", "leaf", "12345::/16",
        ]
    )
    func malformed(text: String) {
        #expect(AddressBlock(text) == nil)
    }
}
