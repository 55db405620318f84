#include "datasets/pocket/words.h"

#include <cctype>
#include <utility>

#include "formats/base/status.h"

namespace elm::pocket {
namespace {

constexpr std::string_view kPeople[] = {
    "Mara",   "Tom",    "Ines",    "Pavel",   "Lena",   "Omar",   "Greta",  "Hugo",   "Sofia",
    "Yusuf",  "Clara",  "Felix",   "Nadia",   "Oscar",  "Priya",  "Ruben",  "Tessa",  "Viktor",
    "Wanda",  "Amir",   "Bella",   "Cyril",   "Dora",   "Emil",   "Fiona",  "Gavin",  "Hana",
    "Ivan",   "Julia",  "Karim",   "Lucia",   "Marco",  "Nora",   "Otto",   "Paula",  "Quentin",
    "Rosa",   "Simon",  "Talia",   "Ulrich",  "Vera",   "Walter", "Xenia",  "Yara",   "Zoltan",
    "Agnes",  "Boris",  "Carmen",  "Dennis",  "Elsa",   "Fabian", "Gloria", "Henrik", "Irene",
    "Jonas",  "Katya",  "Leon",    "Milena",  "Nils",   "Olga",   "Petra",  "Rafael", "Sara",
    "Teodor", "Ursula", "Valeria", "Wilma",   "Anton",  "Bruno",  "Celia",  "Dario",  "Edith",
    "Frieda", "Georg",  "Helga",   "Igor",    "Jasmin", "Konrad", "Lydia",  "Moritz", "Naomi",
    "Oleg",   "Philip", "Renata",  "Stefan",  "Tamara", "Ugo",    "Viola",  "Werner", "Zara",
    "Adele",  "Benno",  "Cora",    "Dimitri", "Esther", "Ferdi",  "Gisela", "Hasan",  "Ilona",
    "Jakob"};
constexpr std::string_view kPlaces[] = {
    "station", "library", "bakery",    "museum",      "market",   "park", "harbour",
    "school",  "airport", "cinema",    "stadium",     "pharmacy", "bank", "hotel",
    "theatre", "castle",  "bridge",    "clinic",      "garage",   "gym",  "zoo",
    "office",  "church",  "town hall", "post office", "old mill"};
constexpr std::string_view kRooms[] = {"kitchen", "cellar", "attic",    "hall",    "bedroom",
                                       "garden",  "study",  "bathroom", "balcony", "workshop",
                                       "pantry",  "shed",   "nursery",  "porch",   "laundry"};
constexpr std::string_view kCities[] = {
    "Porto", "Oslo",  "Lyon",  "Turin", "Graz",   "Ghent",  "Malmo",  "Cadiz",  "Split", "Gdansk",
    "Riga",  "Delft", "Bern",  "Cork",  "Leeds",  "Bergen", "Parma",  "Nantes", "Varna", "Tartu",
    "Basel", "Izmir", "Kyoto", "Lima",  "Quito",  "Dakar",  "Tunis",  "Hanoi",  "Perth", "Boston",
    "Sofia", "Kazan", "Osaka", "Accra", "Havana", "Austin", "Denver", "Bremen", "Siena", "Cusco"};
constexpr std::string_view kFoods[] = {
    "soup",    "pizza",    "salad",     "pasta",    "curry",    "pancakes", "rice",
    "lentils", "bread",    "cheese",    "apples",   "cherries", "waffles",  "noodles",
    "tacos",   "stew",     "muffins",   "plums",    "pears",    "olives",   "beans",
    "cookies", "pie",      "fish",      "omelette", "grapes",   "sushi",    "dumplings",
    "yogurt",  "porridge", "mushrooms", "risotto",  "lasagne",  "figs",     "peaches"};
constexpr std::string_view kDrinks[] = {"green tea", "black tea", "coffee",      "cocoa",
                                        "milk",      "lemonade",  "apple juice", "mint tea",
                                        "espresso",  "water",     "ginger tea",  "orange juice",
                                        "cider",     "kefir",     "iced tea"};
constexpr std::string_view kPets[] = {"cat",    "dog",    "parrot",   "rabbit",   "hamster",
                                      "turtle", "pony",   "goldfish", "lizard",   "duck",
                                      "goat",   "canary", "ferret",   "hedgehog", "donkey"};
constexpr std::string_view kThings[] = {
    "umbrella", "lamp",   "bicycle", "camera", "suitcase", "guitar", "ladder",  "blanket",
    "hammer",   "kettle", "wallet",  "scarf",  "notebook", "candle", "basket",  "mirror",
    "clock",    "vase",   "jacket",  "rope",   "bucket",   "pillow", "drum",    "helmet",
    "tent",     "globe",  "spoon",   "violin", "key",      "map",    "ring",    "brush",
    "letter",   "parcel", "ticket",  "torch",  "radio",    "shovel", "whistle", "compass"};
constexpr std::string_view kSongs[] = {
    "Silver Rain",  "Last Tram",   "Blue Ladder",   "Paper Moon",    "Northern Road", "Warm Stones",
    "Tiny Giants",  "Open Window", "Salt and Sand", "Morning Ferry", "Red Balloon",   "Slow River",
    "Glass Garden", "Winter Bees", "Seven Steps",   "Quiet Engine"};
constexpr std::string_view kColours[] = {"red",   "green",  "blue",   "yellow",    "white",
                                         "black", "purple", "orange", "brown",     "grey",
                                         "pink",  "silver", "golden", "turquoise", "violet"};
constexpr std::string_view kDays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                      "Friday", "Saturday", "Sunday"};
constexpr std::string_view kMonths[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
constexpr std::string_view kTopics[] = {"taxes",           "the budget",       "the garden party",
                                        "the school play", "the new kitchen",  "insurance",
                                        "the holiday",     "the choir",        "the football club",
                                        "the moving van",  "the science fair", "the wedding",
                                        "the old bridge",  "the book club",    "the heating",
                                        "the flea market"};
// Single words that go before a noun, and nouns that take an "s" in the plural.
constexpr std::string_view kModifiers[] = {
    "garden",   "kitchen", "train",    "ticket",  "battery",  "screen",  "door",     "parking",
    "school",   "office",  "family",   "weekend", "holiday",  "morning", "night",    "winter",
    "summer",   "water",   "energy",   "heating", "window",   "phone",   "tablet",   "watch",
    "car",      "bike",    "bus",      "flight",  "hotel",    "city",    "street",   "market",
    "food",     "recipe",  "coffee",   "bread",   "sport",    "running", "health",   "sleep",
    "money",    "bank",    "tax",      "bill",    "music",    "video",   "photo",    "voice",
    "news",     "weather", "star",     "storm",   "book",     "story",   "language", "word",
    "game",     "puzzle",  "contact",  "message", "mail",     "file",    "cloud",    "backup",
    "network",  "signal",  "security", "account", "password", "device",  "printer",  "storage",
    "calendar", "alarm",   "timer",    "meeting", "project",  "team",    "work",     "travel",
    "colour",   "theme",   "sound",    "volume",  "light",    "smart",   "home",     "quick"};
constexpr std::string_view kNouns[] = {
    "list",    "lamp",     "level",   "report",  "map",      "folder",   "plan",    "meter",
    "mode",    "state",    "sensor",  "camera",  "clock",    "code",     "page",    "log",
    "filter",  "note",     "post",    "order",   "reminder", "route",    "guide",   "manager",
    "tracker", "recorder", "player",  "reader",  "editor",   "scanner",  "monitor", "planner",
    "finder",  "helper",   "keeper",  "counter", "number",   "setting",  "profile", "garage",
    "event",   "request",  "article", "picture", "channel",  "playlist", "station", "sticker",
    "card",    "tray",     "button",  "panel",   "shop",     "store",    "club",    "hub",
    "link",    "chat",     "call",    "group",   "badge",    "score",    "record",  "label"};

constexpr std::string_view kStarts[] = {
    "Za",  "Ki",  "Mo", "Ve", "Tu",  "Lo",  "Ra",  "Ni",  "Be", "Qua", "Fe",  "Dro", "Pli", "Sko",
    "Gra", "Wi",  "Ju", "Ha", "Cle", "Bri", "Spa", "Tro", "Ny", "Ux",  "Ori", "Ema", "Ica", "Ava",
    "Flo", "Shi", "Pu", "Xe", "Dy",  "Cro", "Glo", "Sta", "Vi", "Me",  "Ho",  "Te"};
constexpr std::string_view kMiddles[] = {"",   "",   "ri", "lo", "va", "ne", "mi", "ta",
                                         "du", "ko", "se", "za", "pi", "ro", "li", "ga"};
constexpr std::string_view kEnds[] = {"ntro", "vy",  "lo",  "zar", "mba", "xo",  "rk", "nda",
                                      "ly",   "pse", "dio", "tta", "nix", "ble", "sh", "rum",
                                      "go",   "via", "ck",  "lex", "mo",  "dra", "fy", "za"};

std::string Time(Random& random) {
  const int minute = 5 * random.Between(0, 11);
  return StrCat(random.Between(6, 22), minute < 10 ? ":0" : ":", minute);
}

std::string Date(Random& random) {
  return StrCat(random.Between(1, 30), " ", random.Pick(kMonths));
}

std::string Code(Random& random) { return StrCat(random.Between(1000, 9999)); }

struct Kind {
  std::string_view name;
  std::span<const std::string_view> words;
};
constexpr Kind kKinds[] = {{"person", kPeople},  {"place", kPlaces},      {"room", kRooms},
                           {"city", kCities},    {"food", kFoods},        {"drink", kDrinks},
                           {"pet", kPets},       {"thing", kThings},      {"song", kSongs},
                           {"colour", kColours}, {"day", kDays},          {"topic", kTopics},
                           {"noun", kNouns},     {"modifier", kModifiers}};

}  // namespace

std::span<const std::string_view> People() { return kPeople; }

std::string InventName(Random& random) {
  std::string name(random.Pick(kStarts));
  name += random.Pick(kMiddles);
  name += random.Pick(kEnds);
  return name;
}

std::string Word(std::string_view kind, Random& random) {
  for (const Kind& known : kKinds) {
    if (known.name == kind) return std::string(random.Pick(known.words));
  }
  if (kind == "time") return Time(random);
  if (kind == "date") return Date(random);
  if (kind == "code") return Code(random);
  if (kind == "number") return StrCat(random.Between(2, 60));
  return InventName(random);  // {name}
}

std::string FillSlots(std::string_view text, Random& random) {
  std::string filled;
  while (true) {
    const size_t open = text.find('{');
    filled += text.substr(0, open);
    if (open == std::string_view::npos) return filled;
    const size_t close = text.find('}', open);
    filled += Word(text.substr(open + 1, close - open - 1), random);
    text.remove_prefix(close + 1);
  }
}

std::string ReplaceSlot(std::string_view text, std::string_view slot, std::string_view with) {
  std::string replaced(text);
  const size_t at = replaced.find(slot);
  return at == std::string::npos ? replaced : replaced.replace(at, slot.size(), with);
}

std::vector<std::string_view> Alternatives(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t bar = text.find('|');
    parts.push_back(text.substr(0, bar));
    if (bar == std::string_view::npos) return parts;
    text.remove_prefix(bar + 1);
  }
}

std::string Capitalised(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string Lowercased(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace elm::pocket
