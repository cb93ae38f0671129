#include "dataplane/channel.h"

#include <array>
#include <cstring>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/set_entry.h"
#include "dataplane/parts_codec.h"

namespace sluice {
namespace {

using ::testing::HasSubstr;

enum class Kind { socket, memory };

/// Both kinds of channel keep the same promises.
class ChannelOfAKind : public ::testing::TestWithParam<Kind> {
 protected:
  ChannelOfAKind() : ends_(make()) {}
  static std::pair<Channel, Channel> make() {
    if (GetParam() == Kind::memory) return Channel::make_memory_pair();
    return std::move(*Channel::make_socket_pair());
  }
  Channel& keeper() { return ends_.first; }
  Channel& control() { return ends_.second; }

  std::pair<Channel, Channel> ends_;
};

INSTANTIATE_TEST_SUITE_P(Channel, ChannelOfAKind, ::testing::Values(Kind::socket, Kind::memory));

PolicyParts some_parts() {
  PolicyParts parts;
  parts.settings.generation = 7;
  parts.settings.mode = Mode::monitor;
  parts.lists.push_back({*parse_ip_prefix("10.0.0.0/8"), ListKind::deny, ListSide::source});
  parts.lists.push_back(
      {*parse_ip_prefix("2001:db8::/32"), ListKind::allow, ListSide::destination});
  parts.overrides.stages.push_back({{3, 20031}, RuleStage::shadow});
  RuleException exception;
  exception.rules = {{0, 20032}};
  exception.sources = {*parse_ip_prefix("192.0.2.0/24")};
  exception.uri = "/admin/*";
  exception.owner = "ada";
  exception.until = 9;
  parts.overrides.exceptions.push_back(exception);
  const NamedSet names{"bad", SetKind::domain, false};
  const NamedSet nets{"nets", SetKind::address, false};
  parts.sets = {{names, {{"file.test", 0}}}, {nets, {{set_key(nets, "2001:db8::/32").value(), 9}}}};
  parts.live_sets = {{names, {{"live.test", 5}}}};
  return parts;
}

OwnedFd sealed_lists(const PolicyParts& parts) {
  OwnedFd memfd = std::move(*make_memfd("test"));
  EXPECT_TRUE(write_and_seal(memfd.fd(), encode_lists(parts.lists, parts.sets)));
  return memfd;
}

/// As a bulk: the settings, which are without lists.
std::vector<std::byte> some_settings() {
  return encode_parts(
      {.settings = some_parts().settings, .lists = {}, .keeps_lists = true, .overrides = {}});
}

TEST_P(ChannelOfAKind, HasNothingWaitingAtFirst) {
  const auto message = keeper().try_receive();
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->has_value());
}

TEST_P(ChannelOfAKind, CarriesMessagesBothWaysInOrder) {
  ASSERT_TRUE(*keeper().try_send({.kind = MessageKind::ping, .generation = 1}));
  ASSERT_TRUE(*keeper().try_send({.kind = MessageKind::stop, .generation = 2, .text = "bye"}));
  ASSERT_TRUE(*control().try_send({.kind = MessageKind::hello}));
  EXPECT_EQ((*control().try_receive())->kind, MessageKind::ping);
  const auto second = control().try_receive();
  EXPECT_EQ((*second)->kind, MessageKind::stop);
  EXPECT_EQ((*second)->generation, 2u);
  EXPECT_EQ((*second)->text, "bye");
  EXPECT_EQ((*keeper().try_receive())->kind, MessageKind::hello);
}

TEST_P(ChannelOfAKind, CarriesAPolicy) {
  const PolicyParts sent = some_parts();
  const OwnedFd lists = sealed_lists(sent);
  ASSERT_TRUE(*control().try_publish(sent.settings, lists, {}, sent.overrides, sent.live_sets));
  EXPECT_TRUE(lists.is_open()) << "the sender keeps its own";
  const auto message = keeper().try_receive();
  ASSERT_TRUE(message && message->has_value());
  EXPECT_EQ((*message)->generation, 7u);
  const auto parts = parts_of(**message);
  ASSERT_TRUE(parts) << parts.error().message;
  EXPECT_EQ(encode_parts(*parts), encode_parts(sent));
}

TEST_P(ChannelOfAKind, CarriesAPolicyWhoseListsStay) {
  ASSERT_TRUE(*control().try_publish(some_parts().settings, {}, {}));
  const auto parts = parts_of(**keeper().try_receive());
  ASSERT_TRUE(parts) << parts.error().message;
  EXPECT_TRUE(parts->keeps_lists);
  EXPECT_EQ(parts->settings.mode, Mode::monitor);
}

TEST_P(ChannelOfAKind, CarriesRulesWithAndWithoutLists) {
  const PolicyParts sent = some_parts();
  const OwnedFd rules = std::move(*make_memfd("test"));
  const std::array bytes{std::byte{7}, std::byte{8}};
  ASSERT_TRUE(write_and_seal(rules.fd(), bytes));
  for (const bool has_lists : {false, true}) {
    ASSERT_TRUE(
        *control().try_publish(sent.settings, has_lists ? sealed_lists(sent) : OwnedFd(), rules));
    const auto message = keeper().try_receive();
    ASSERT_TRUE(message && message->has_value());
    EXPECT_EQ((*message)->lists.is_open(), has_lists);
    const auto view = SealedView::map((*message)->rules.fd(), 100);
    ASSERT_TRUE(view) << view.error().message;
    EXPECT_TRUE(std::ranges::equal(view->bytes(), bytes));
    EXPECT_EQ(parts_of(**message)->keeps_lists, !has_lists);
  }
}

TEST_P(ChannelOfAKind, RefusesListsThatAreDamagedOrAmongTheSettings) {
  auto bytes = encode_lists(some_parts().lists, some_parts().sets);
  bytes.pop_back();
  OwnedFd lists = std::move(*make_memfd("test"));
  ASSERT_TRUE(write_and_seal(lists.fd(), bytes));
  ASSERT_TRUE(*control().try_publish(some_parts().settings, lists, {}));
  EXPECT_FALSE(parts_of(**keeper().try_receive()));
  Message message{.kind = MessageKind::publish_policy, .generation = 7};
  message.bulk = std::move(*make_memfd("test"));
  ASSERT_TRUE(write_and_seal(message.bulk.fd(), encode_parts(some_parts())));
  ASSERT_TRUE(*control().try_send(message));
  EXPECT_FALSE(parts_of(**keeper().try_receive()));
}

TEST_P(ChannelOfAKind, RefusesListsWhereNoneBelong) {
  Message message{.kind = MessageKind::request, .request = RequestKind::list_flows};
  message.bulk = std::move(*make_memfd("test"));
  message.lists = std::move(*make_memfd("test"));
  ASSERT_TRUE(*control().try_send(message));
  EXPECT_FALSE(keeper().try_receive());
  message.kind = MessageKind::publish_policy;
  message.request = {};
  message.bulk.reset();
  ASSERT_TRUE(*control().try_send(message));
  EXPECT_FALSE(keeper().try_receive());
}

TEST_P(ChannelOfAKind, SaysWhenTheOtherEndIsSlow) {
  bool is_full = false;
  for (int i = 0; i < 10'000 && !is_full; ++i) {
    const auto sent = keeper().try_send({.kind = MessageKind::ping});
    ASSERT_TRUE(sent);
    is_full = !*sent;
  }
  EXPECT_TRUE(is_full);
}

TEST_P(ChannelOfAKind, SaysWhenTheOtherEndIsGone) {
  { const Channel gone = std::move(control()); }
  const auto received = keeper().try_receive();
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().kind, ErrorKind::unavailable);
  const auto sent = keeper().try_send({.kind = MessageKind::ping});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, ErrorKind::unavailable);
}

TEST_P(ChannelOfAKind, CutsTextThatIsTooLong) {
  ASSERT_TRUE(*keeper().try_send({.kind = MessageKind::refused, .text = std::string(5000, 'x')}));
  EXPECT_EQ((*control().try_receive())->text.size(), kMessageTextMax);
}

TEST_P(ChannelOfAKind, RefusesABulkWhereNoneBelongs) {
  Message message{.kind = MessageKind::ping};
  message.bulk = std::move(*make_memfd("test"));
  ASSERT_TRUE(*keeper().try_send(message));
  const auto received = control().try_receive();
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().kind, ErrorKind::invalid);
}

TEST_P(ChannelOfAKind, RefusesAPolicyThatIsNotSealed) {
  Message message{.kind = MessageKind::publish_policy, .generation = 7};
  message.bulk = std::move(*make_memfd("test"));
  const auto bytes = some_settings();
  ASSERT_EQ(write(message.bulk.fd(), bytes.data(), bytes.size()),
            static_cast<ssize_t>(bytes.size()));
  ASSERT_TRUE(*control().try_send(message));
  const auto received = keeper().try_receive();
  ASSERT_TRUE(received && received->has_value());
  const auto parts = parts_of(**received);
  ASSERT_FALSE(parts);
  EXPECT_THAT(parts.error().message, HasSubstr("not sealed"));
}

TEST_P(ChannelOfAKind, RefusesAPolicyOfAnotherGenerationThanAnnounced) {
  Message message{.kind = MessageKind::publish_policy, .generation = 8};
  message.bulk = std::move(*make_memfd("test"));
  ASSERT_TRUE(write_and_seal(message.bulk.fd(), some_settings()));
  ASSERT_TRUE(*control().try_send(message));
  EXPECT_FALSE(parts_of(**keeper().try_receive()));
}

/// A raw end, for what no honest peer sends.
struct RawPeer {
  RawPeer() {
    std::array<int, 2> fds{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds.data()), 0);
    raw.reset(fds[0]);
    channel.emplace(std::move(*Channel::adopt(fds[1])));
  }
  OwnedFd raw;
  std::optional<Channel> channel;
};

TEST(Channel, RefusesFramesOfAnyOtherSizeAndGoesOn) {
  RawPeer peer;
  const std::array<char, 1024> junk{};
  for (const std::size_t size : {1UL, 4UL, 280UL, 287UL, 289UL, 1024UL}) {
    ASSERT_EQ(send(peer.raw.fd(), junk.data(), size, 0), static_cast<ssize_t>(size));
    const auto received = peer.channel->try_receive();
    ASSERT_FALSE(received) << size;
    EXPECT_EQ(received.error().kind, ErrorKind::invalid);
  }
  EXPECT_FALSE((*peer.channel->try_receive()).has_value());
}

TEST(Channel, RefusesEveryFrameWithABadHead) {
  auto honest = std::move(*Channel::make_socket_pair());
  ASSERT_TRUE(*honest.first.try_send({.kind = MessageKind::ping, .text = "t"}));
  std::array<unsigned char, 288> frame{};
  ASSERT_EQ(recv(honest.second.fd(), frame.data(), frame.size(), 0), 288);
  RawPeer peer;
  // Version, kind, bulk flag and text length; a generation may be anything.
  for (const std::size_t offset : {0UL, 1UL, 5UL, 7UL, 16UL, 19UL, 21UL, 23UL}) {
    auto bad = frame;
    bad[offset] = static_cast<unsigned char>(bad[offset] ^ 0x80U);
    ASSERT_EQ(send(peer.raw.fd(), bad.data(), bad.size(), 0), 288);
    EXPECT_FALSE(peer.channel->try_receive()) << offset;
  }
}

TEST(Channel, ClosesDescriptorsItDidNotAskFor) {
  RawPeer peer;
  const OwnedFd extra = std::move(*make_memfd("test"));
  std::array<int, 3> fds = {extra.fd(), extra.fd(), extra.fd()};
  std::array<char, 288> frame{};
  iovec vector{frame.data(), frame.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fds)> control{};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  cmsghdr* rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof fds);
  std::memcpy(CMSG_DATA(rights), fds.data(), sizeof fds);
  const OwnedFd before(dup(0));
  ASSERT_EQ(sendmsg(peer.raw.fd(), &header, 0), 288);
  EXPECT_FALSE(peer.channel->try_receive());
  const OwnedFd after(dup(0));
  EXPECT_EQ(after.fd(), before.fd() + 1);
}

TEST(Channel, AdoptsOnlySeqpacketSockets) {
  EXPECT_FALSE(Channel::adopt(-1));
  const OwnedFd memfd = std::move(*make_memfd("test"));
  EXPECT_FALSE(Channel::adopt(memfd.fd()));
}

TEST(PolicyPartsCodec, RefusesEveryTruncation) {
  const auto bytes = encode_parts(some_parts());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_parts(std::span(bytes).first(size))) << size;
  }
}

TEST(PolicyListsCodec, RefusesEveryTruncationAndBytesBehindTheEnd) {
  auto bytes = encode_lists(some_parts().lists, some_parts().sets);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_lists(std::span(bytes).first(size))) << size;
  }
  EXPECT_EQ(decode_lists(bytes)->lists.size(), some_parts().lists.size());
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(decode_lists(bytes));
}

TEST(PolicyPartsCodec, RefusesBytesBehindTheEnd) {
  auto bytes = encode_parts(some_parts());
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(decode_parts(bytes));
}

TEST(PolicyPartsCodec, RefusesPrefixesWithBitsBehindTheirLength) {
  PolicyParts parts = some_parts();
  parts.lists[0].prefix.address.bytes[3] = 1;
  EXPECT_FALSE(decode_parts(encode_parts(parts)));
  parts = some_parts();
  parts.lists[0].prefix.length = 33;
  EXPECT_FALSE(decode_parts(encode_parts(parts)));
  parts = some_parts();
  parts.lists[0].prefix.address.version = 5;
  EXPECT_FALSE(decode_parts(encode_parts(parts)));
}

}  // namespace
}  // namespace sluice
