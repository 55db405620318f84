#include "datasets/pocket/capabilities.h"

#include <string_view>

#include "datasets/pocket/words.h"
#include "formats/base/status.h"

namespace elm::pocket {
namespace {

struct Row {
  const char* domain;
  const char* stem;
  const char* descriptions;
  const char* requests;
};
constexpr Row kRows[] = {
    {"media", "photo|picture", "capture pictures|take photos|shoot still images",
     "take a picture of the {pet}|photograph the {thing}|snap the {place} before sunset|get a shot "
     "of my {food}|!The {pet} looks so funny, keep this moment|!Smile, {person}, hold still"},
    {"media", "video|film", "record videos|film clips|make short movies",
     "film the {pet} while it jumps|record {person} dancing|shoot a clip of the {place}|!{person} "
     "is "
     "about to jump, get it on film|!I need moving images of the {thing}"},
    {"media", "gallery|album", "browse stored pictures|show photo albums|sort saved images",
     "look at the pictures from {city}|find the old photo with {person}|show my album of "
     "{city}|!Where "
     "is the snapshot of the {pet} from {day}"},
    {"media", "retouch|edit_image", "crop and retouch images|edit photos|brighten pictures",
     "crop the photo of the {pet}|make the picture of {person} brighter|remove the red eyes from "
     "the "
     "image|!The picture of the {thing} is too dark, fix it"},
    {"media", "music|song", "play songs|stream music|listen to albums",
     "play {song}|put on some jazz|hear the new album by {person}|listen to {song} again|!I am in "
     "the "
     "mood for a tune"},
    {"media", "radio|station", "tune in radio stations|receive broadcasts|play live radio",
     "switch on the station from {city}|hear the live broadcast|tune in to the morning show|!What "
     "is "
     "on air right now"},
    {"media", "podcast|episode", "subscribe to podcasts|play talk episodes|follow audio shows",
     "hear the latest episode about {topic}|follow the talk show by {person}|continue the episode "
     "from "
     "{day}|!I want people talking in my ears on the train"},
    {"media", "movie|cinema", "stream films|watch movies and series|rent feature films",
     "watch a thriller tonight|start the next season|see a comedy with {person}|!Any good film for "
     "a "
     "rainy {day}"},
    {"media", "voice_memo|dictaphone", "record voice memos|capture speech|save audio notes",
     "record what {person} says in the lecture|save my voice for later|tape the rehearsal of "
     "{song}|!I "
     "will hum a tune, keep it"},
    {"media", "recognise_song|listen_for",
     "name the tune that plays|identify songs|recognise music",
     "find out what song this is|tell me which tune they play at the {place}|!Who sings this|!This "
     "melody "
     "is great, what is it called"},
    {"talk", "call|dial", "place phone calls|ring people|make voice calls",
     "ring {person}|phone the {place}|dial {person} at work|give {person} a ring at {time}|!I must "
     "hear "
     "{person} at once"},
    {"talk", "text|message", "send text messages|write short messages|deliver texts",
     "text {person} that I am late|tell {person} we meet at {time}|write {person} a line about "
     "{topic}|!Let "
     "{person} know that the {thing} is here"},
    {"talk", "email|letterbox", "manage e-mail|send electronic mail|read the inbox",
     "mail the report to {person}|check my inbox|reply to the mail from {person}|forward the "
     "newsletter to "
     "{person}|!Has {person} answered my mail yet"},
    {"talk", "video_call|face_talk", "hold video calls|see people while talking|run video meetings",
     "see {person} face to face|join the online meeting about {topic}|start a video chat with "
     "{person}|!Grandma "
     "wants to see the baby from {city}"},
    {"talk", "group|community", "chat in groups|run group channels|host communities",
     "ask the whole team about {topic}|post in the family group|invite {person} to our "
     "channel|!Everybody in "
     "the choir should read this"},
    {"talk", "contact|person_card", "store contacts|keep phone numbers|manage the address book",
     "save the number of {person}|add {person} to my address book|change the address of "
     "{person}|!{person} has "
     "a new number, keep it"},
    {"talk", "translate|interpret",
     "translate languages|interpret foreign text|convert between languages",
     "say good morning in Spanish|find out what this French sign means|turn the letter into "
     "German|!What does "
     "this Polish word mean"},
    {"talk", "block|silence_caller",
     "block unwanted callers|stop spam calls|reject unknown numbers",
     "stop that number from ringing me|get rid of the sales calls|never hear from this caller "
     "again|!Someone "
     "keeps ringing at night, end it"},
    {"time", "alarm|wake", "set alarms|wake people up|ring in the morning",
     "wake me at {time}|get me out of bed at {time}|ring at {time} on {day}|!I must not oversleep "
     "on {day}"},
    {"time", "timer|countdown", "count down minutes|run timers|measure cooking time",
     "count down {number} minutes|tell me when {number} minutes are over|time the {food} in the "
     "oven|!The {food} "
     "needs {number} minutes"},
    {"time", "stopwatch|lap", "stop lap times|measure how long things take|run a stopwatch",
     "measure my lap|find out how long {person} needs to run home|clock the race|!Ready, go, how "
     "many "
     "seconds was that"},
    {"time", "calendar|event", "keep appointments|plan events|organise the calendar",
     "put the dinner with {person} on {day}|schedule the dentist for {date}|move my meeting to "
     "{time}|!Am I free "
     "on {date}|!{person} is coming on {day} at {time}, write it in"},
    {"time", "reminder|nudge", "remind of duties|send reminders|remember tasks",
     "remind me to feed the {pet}|make sure I do not forget {topic}|nudge me about the {thing}|!I "
     "always forget "
     "to water the plants"},
    {"time", "world_clock|time_zone",
     "show times around the world|compare time zones|tell foreign time",
     "find out how late it is in {city}|compare the hours of {city} and {city}|!Is it night in "
     "{city} now|!Can I "
     "ring {person} in {city} or is it too early there"},
    {"time", "todo|checklist", "tick off to-do lists|manage checklists|track open tasks",
     "add painting the {room} to my list|tick off {topic}|see what is left to do|!One more job: "
     "clean the "
     "{room}"},
    {"home", "light|lamp", "switch lights|dim lamps|control light bulbs",
     "turn on the lamp in the {room}|make the {room} darker|dim the bulbs in the {room}|!It is too "
     "dark in the "
     "{room}"},
    {"home", "heating|thermostat", "regulate the heating|set room temperature|control thermostats",
     "make the {room} warmer|set the {room} to {number} degrees|cool down the {room}|!I am "
     "freezing in the "
     "{room}"},
    {"home", "lock|door", "lock doors|open gates|guard the entrance",
     "lock the front door|let {person} in|close the gate of the {room}|!Did I leave the house "
     "open"},
    {"home", "vacuum|clean", "clean floors|run the robot cleaner|vacuum rooms",
     "clean the floor of the {room}|sweep up the crumbs in the {room}|send the robot to the "
     "{room}|!There is dust "
     "all over the {room}"},
    {"home", "watch_camera|guard", "watch security cameras|guard the house|report intruders",
     "see who is at the door|check the yard for strangers|look at the {room} while I am away|!I "
     "heard a noise in "
     "the {room}"},
    {"home", "blinds|shutter", "move blinds|raise shutters|close curtains",
     "let the sun into the {room}|pull down the blinds in the {room}|close the curtains|!The sun "
     "blinds me in the "
     "{room}"},
    {"home", "watering|sprinkler", "water the garden|run sprinklers|irrigate plants",
     "give the tomatoes some water|sprinkle the lawn at {time}|!The flowers look dry|!It has not "
     "rained for "
     "{number} days, save the roses"},
    {"home", "smoke|fire_watch", "check smoke detectors|warn of fire|watch for gas",
     "see whether the smoke detector in the {room} works|test the fire alarm|!It smells burnt in "
     "the {room}, is "
     "all well"},
    {"home", "washing|laundry", "steer the washing machine|wash clothes|start the laundry",
     "wash the shirts at {number} degrees|start a load of towels|!My socks are dirty|!All jackets "
     "are covered in "
     "mud"},
    {"home", "energy|power_meter", "track power use|read the electricity meter|show energy costs",
     "see how much current the {room} uses|find what eats so much electricity|!Why is the power "
     "bill so high"},
    {"travel", "navigate|route", "find routes|give driving directions|guide drivers",
     "get me to the {place}|find the way to {city}|drive home around the jam|!How do I reach "
     "{person} from "
     "here|!I am lost, bring me to the {place}"},
    {"travel", "taxi|ride", "book rides|call a cab|order taxis",
     "get me a driver to the {place}|order a cab for {time}|!I need someone to take me to the "
     "{place}|!No bus is "
     "coming and I have to be at the {place}"},
    {"travel", "train|railway", "sell rail tickets|show train times|plan rail journeys",
     "catch the express to {city}|buy a rail ticket to {city}|see when the next train to {city} "
     "leaves|!From which "
     "platform do I leave for {city}"},
    {"travel", "flight|airline", "book flights|check in to planes|follow airlines",
     "fly to {city} on {date}|get a window seat to {city}|check in for my plane|!Has the plane "
     "from {city} "
     "landed"},
    {"travel", "hotel|room", "book hotels|reserve rooms|find places to sleep",
     "find a bed in {city}|reserve two nights in {city}|sleep near the {place} of {city}|!Where "
     "can we stay in "
     "{city} for {number} nights"},
    {"travel", "parking|garage", "find parking spots|pay for parking|locate garages",
     "leave my car near the {place}|pay for the parking spot|!Where can I put the car in "
     "{city}|!The meter at the "
     "{place} runs out"},
    {"travel", "bike_hire|scooter", "hire bicycles|unlock scooters|rent two-wheelers",
     "get a bike near the {place}|unlock the scooter|ride on two wheels to the {place}|!I would "
     "rather pedal to "
     "the {place}"},
    {"travel", "bus|tram", "show bus times|plan city transit|track trams",
     "see when the tram reaches the {place}|take the bus to the {place}|!Which line stops at the "
     "{place}|!Is the "
     "{number} late again"},
    {"travel", "fuel|charge_car", "find petrol stations|locate car chargers|compare fuel prices",
     "fill up the tank cheaply|charge the car on the way to {city}|!The tank is almost empty|!Only "
     "{number} "
     "kilometres left in the battery of the car"},
    {"travel", "offline_map|atlas", "store maps|show city maps without network|download maps",
     "save the map of {city}|look at the streets of {city}|keep a plan of {city} for the trip|!No "
     "signal in "
     "{city}, I need the streets"},
    {"travel", "visit|sights", "suggest sights|guide tourists|describe monuments",
     "see the best sights of {city}|learn about the castle in {city}|!What should I visit in "
     "{city} with "
     "{person}|!We have one day in {city}"},
    {"shop", "groceries|supermarket", "deliver groceries|order food supplies|fill the fridge",
     "buy {food} and {food}|get {drink} for the week|order fresh {food}|!The fridge is empty|!We "
     "are out of "
     "{food}"},
    {"shop", "restaurant|table", "reserve restaurant tables|rate places to eat|find good kitchens",
     "get a table for two at {time}|eat out with {person} on {day}|find somewhere nice for "
     "dinner|!Where do they "
     "serve good {food}"},
    {"shop", "takeaway|delivery", "bring hot meals|deliver cooked dishes|order takeaway",
     "have {food} brought home|order {food} for {number} people|!I am too tired to cook|!Hot "
     "{food} at my door, "
     "please"},
    {"shop", "auction|second_hand", "auction used goods|trade second-hand things|sell old items",
     "sell my old {thing}|bid on the used {thing}|get rid of the {thing} for money|!Someone may "
     "want our old "
     "{thing}"},
    {"shop", "fashion|clothes", "sell clothes|show fashion|order shoes",
     "buy new boots|find a {colour} dress|order a {colour} jacket|!I have nothing to wear for "
     "{topic}"},
    {"shop", "compare|bargain", "compare prices|find bargains|collect coupons",
     "find the cheapest {thing}|get a discount on the {thing}|!Is there a better price for this "
     "{thing}|!{number} "
     "euros for a {thing} is too much"},
    {"shop", "parcel|tracking", "track parcels|follow deliveries|trace shipments",
     "see where my parcel is|follow the box with the {thing}|!When will the {thing} I ordered "
     "arrive|!The courier "
     "should have been here at {time}"},
    {"shop", "recipe|cookbook", "collect recipes|explain cooking|suggest dishes",
     "cook {food} with {food}|learn how to make {food}|find a dish with {food}|!What can I do with "
     "the leftover "
     "{food}"},
    {"shop", "shopping_list|basket", "keep shopping lists|note what to buy|share buying lists",
     "put {food} on the list for the shop|note that we need {drink}|!Write down {food}, {food} and "
     "{food} for "
     "{day}"},
    {"shop", "flowers|gift", "send flowers|deliver gifts|wrap presents",
     "send roses to {person}|surprise {person} with a present|get a bouquet for {day}|!{person} "
     "has a birthday "
     "and I am far away"},
    {"money", "pay|wallet", "pay at the till|hold cards|send money",
     "pay for the {food}|send {person} {number} euros|settle my share of the dinner|!I owe "
     "{person} {number} "
     "euros"},
    {"money", "bank|account", "show bank accounts|check balances|manage savings",
     "see how much I have left|check the balance|move {number} euros to savings|!Did my salary "
     "come in"},
    {"money", "budget|spending", "plan budgets|record expenses|analyse spending",
     "note that the {thing} cost {number} euros|see what I spent in {city}|!Where did all my money "
     "go this "
     "month"},
    {"money", "stocks|shares", "trade shares|watch stock prices|manage investments",
     "buy shares of the tram company|see how my stocks do|!Did the market fall today"},
    {"money", "exchange|currency", "convert currencies|show exchange rates|change money",
     "find out what {number} dollars are in euros|change {number} pounds|!How many crowns do I get "
     "in {city}"},
    {"money", "invoice|bill", "write invoices|bill customers|issue receipts",
     "bill {person} for the repair|write the invoice about the {thing}|!{person} has not got my "
     "bill yet"},
    {"money", "tax|declaration", "file tax returns|compute taxes|prepare declarations",
     "do my tax return|find out how much tax I owe|!The tax office wants papers until {date}"},
    {"money", "insurance|claim", "report damage|file insurance claims|manage policies",
     "report the broken {thing}|make a claim for the wet {room}|!The storm broke the window of the "
     "{room}"},
    {"health", "steps|walk", "count steps|track walks|log activity",
     "see how far I walked|count my steps to the {place}|!Did I move enough today"},
    {"health", "running|workout", "coach workouts|plan training|guide exercises",
     "train my back for {number} minutes|get fit for the race|do some push-ups|!I want stronger "
     "legs until "
     "{date}"},
    {"health", "sleep|night", "analyse sleep|track nights|measure rest",
     "see how well I slept|find out how often I woke up|!Why am I so tired every {day}"},
    {"health", "medicine|pill", "manage medicine|plan pills|watch prescriptions",
     "keep track of my tablets|renew the prescription|!Did I take my pill this morning|!The drops "
     "are due at "
     "{time}"},
    {"health", "heart|pulse", "measure the pulse|watch heart rate|check blood pressure",
     "take my pulse|see how fast my heart beats|!My heart races after the stairs"},
    {"health", "diet|calorie", "count calories|log meals|plan diets",
     "note that I ate {food}|see how many calories {food} has|!Can I have {food} and still lose "
     "weight"},
    {"health", "doctor|appointment", "find doctors|book medical visits|talk to a nurse",
     "see a doctor about my knee|get a visit at the {place} on {day}|!My throat hurts since {day}"},
    {"health", "meditate|calm", "guide meditation|calm the mind|teach breathing",
     "breathe slowly for {number} minutes|relax before {topic}|!I am so nervous about {topic}"},
    {"health", "first_aid|emergency", "explain first aid|call for help|handle emergencies",
     "treat a burn|bandage the knee of {person}|!{person} fell off the {thing} and bleeds|!Someone "
     "fainted at "
     "the {place}"},
    {"learn", "weather|forecast", "forecast weather|warn of storms|show temperature outside",
     "see if it will rain on {day}|find out how warm {city} is|!Do I need an umbrella on "
     "{day}|!Will it snow in "
     "{city}"},
    {"learn", "news|headline", "report news|show headlines|deliver papers",
     "read what happened in {city}|see the headlines|catch up on {topic}|!What is going on in the "
     "world"},
    {"learn", "search|web", "search the web|browse pages|look things up online",
     "look up {topic}|find the page of the {place}|google the height of the bridge in {city}|!Who "
     "invented the "
     "{thing}"},
    {"learn", "dictionary|spell", "explain words|check spelling|define terms",
     "find out how rhythm is spelled|learn what a ledger is|!Is it affect or effect|!What does "
     "frugal mean"},
    {"learn", "calculator|sums", "calculate|solve sums|do arithmetic",
     "add {number} and {number}|divide {number} by {number}|work out {number} times {number}|!How "
     "much is {number} "
     "per cent of {number}"},
    {"learn", "course|lesson", "teach languages|give lessons|train vocabulary",
     "learn some Italian|practise my Japanese|do the next grammar lesson|!I go to {city} soon and "
     "cannot speak "
     "a word"},
    {"learn", "book|library", "read books|lend e-books|open novels",
     "read the next chapter|borrow a novel by {person}|continue my crime story|!Something to read "
     "for the train to "
     "{city}"},
    {"learn", "encyclopedia|facts", "explain the world|answer questions of knowledge|hold articles",
     "read about volcanoes|learn who built the castle of {city}|!How old can a {pet} get|!Why is "
     "the sky blue"},
    {"learn", "stars|sky", "name stars|show planets|explain the night sky",
     "find Venus|see which star that is|!What is that bright dot above the {place}"},
    {"learn", "plants|species", "identify plants|name animals|recognise birds",
     "find out which flower this is|name the bird in the {room}|!Is this mushroom safe|!What tree "
     "stands at the "
     "{place}"},
    {"learn", "jobs|career", "list job offers|find work|send applications",
     "find work in {city}|apply at the {place}|send my CV to the {place}|!I want to leave my boss"},
    {"work", "note|memo", "take notes|keep memos|collect ideas",
     "write down my idea about {topic}|jot down that the {thing} is in the {room}|!Keep this "
     "thought: {topic} "
     "first"},
    {"work", "scan|paper", "scan papers|turn sheets into files|digitise documents",
     "make a file of this letter|scan the receipt of the {thing}|!I need this contract as a PDF"},
    {"work", "spreadsheet|table", "edit spreadsheets|fill in tables|build charts",
     "put the numbers into columns|draw a chart of {topic}|sum up the second column|!The cells do "
     "not add up"},
    {"work", "slides|talk", "make slides|build presentations|show talks",
     "prepare the talk about {topic}|add a slide about {city}|!I have to present {topic} on {day}"},
    {"work", "cloud|backup", "back up files|store documents online|share folders",
     "save my files somewhere safe|share the folder with {person}|!If the phone breaks all is "
     "gone"},
    {"work", "print|printer", "print papers|send pages to the printer|make paper copies",
     "put the ticket on paper|print {number} copies|!I need the boarding pass in my hand"},
    {"work", "sign|contract", "sign contracts|approve documents|add signatures",
     "put my name under the contract|approve the papers from {person}|!{person} waits for my "
     "signature"},
    {"work", "password|secret", "guard passwords|fill in logins|keep secrets",
     "find the login of the {place}|make a strong password|!I forgot how to log in at the {place}"},
    {"system", "brightness|display",
     "change screen brightness|adjust the display|control the backlight",
     "make the screen brighter|lower the backlight to {number}|!I can hardly read the display in "
     "the sun"},
    {"system", "volume|sound", "change the volume|make sound louder|control loudness",
     "turn it up|make it quieter|set loudness to {number}|!I cannot hear a thing"},
    {"system", "do_not_disturb|quiet",
     "mute notifications|stop interruptions|keep the phone silent",
     "leave me in peace until {time}|silence everything during {topic}|!No beeping in the {place} "
     "please"},
    {"system", "bluetooth|pair", "connect wireless devices|pair headphones|link speakers",
     "connect my headphones|pair the speaker in the {room}|!The earbuds do not play"},
    {"system", "wifi|network", "join wireless networks|manage Wi-Fi|connect to the internet",
     "get online at the {place}|join the network of {person}|!There is no internet in the {room}"},
    {"system", "battery|saver", "save battery|extend running time|reduce power draw",
     "make the phone last until {time}|use less charge|!Only {number} per cent left and no plug"},
    {"system", "torch|flashlight", "shine a light|switch the flash on|light the way",
     "light up the stairs|find the keyhole in the dark|!It is pitch dark in the {room} and I "
     "dropped my {thing}"},
    {"system", "find_device|locate", "find lost phones|locate devices|make a lost phone ring",
     "find my tablet|see where the watch is|!I left my phone somewhere at the {place}"},
    {"fun", "game|puzzle", "play puzzles|offer brain games|solve crosswords",
     "do a crossword|kill some time with a riddle|!I am bored on the way to {city}"},
    {"fun", "chess|board", "play chess|find board game partners|set up matches",
     "play a match against {person}|practise openings|!Black or white, your move"},
    {"fun", "sport|scores", "show match results|follow leagues|report sports",
     "see who won in {city}|follow the cup final|!How did our team do on {day}"},
    {"fun", "ticket|concert", "sell concert tickets|list events in town|book seats",
     "get two seats for the concert|see who plays in {city} on {day}|!{person} sings in {city}, I "
     "must be there"},
    {"fun", "draw|paint", "draw sketches|paint on the screen|design pictures",
     "sketch a {pet}|paint a {colour} {thing}|!My finger wants to be a brush"},
    {"fun", "dating|meet", "meet new people|find partners|match singles",
     "get to know someone in {city}|find a date for {day}|!I do not want to be alone on {day}"},
    {"fun", "share|feed", "share moments with friends|post stories|follow people",
     "post my trip to {city}|see what {person} is up to|!All my friends should see this {pet}"},
    {"fun", "diary|journal", "keep a diary|write journals|record moods",
     "write down how my day was|read what I felt on {date}|!Dear diary, {person} smiled at me"},
};

// All verbs take an "s" in the third person.
constexpr std::string_view kVerbs[] = {
    "rename", "lock",   "print",   "sort",    "hide",     "mute",     "export", "import",
    "delete", "show",   "copy",    "measure", "refresh",  "compare",  "count",  "repeat",
    "upload", "adjust", "check",   "start",   "stop",     "track",    "update", "find",
    "open",   "send",   "toggle",  "share",   "record",   "book",     "cancel", "pause",
    "create", "turn",   "enable",  "set",     "schedule", "download", "order",  "read",
    "play",   "make",   "receive", "connect", "call",     "get",      "clean",  "protect"};
constexpr std::string_view kComposedDescriptions[] = {
    "{verb}s the {noun} of a given {modifier}",
    "{verb} a {modifier} {noun}",
    "{verb} {modifier} {noun}s",
    "{verb}s a {modifier} {noun} within a given time",
    "{verb}s the {modifier} {noun} and says what happened",
    "lets you {verb} the {modifier} {noun}",
    "to {verb} every {noun} of the {modifier}"};
constexpr std::string_view kComposedRequests[] = {
    "{verb} the {modifier} {noun}",
    "{verb} my {modifier} {noun} at {time}",
    "{verb} the {noun} of the {modifier} for {person}",
    "{verb} the {modifier} {noun} called '{name}'",
    "!The {modifier} {noun}, please {verb} it before {day}",
    "!{person} wants to {verb} the {modifier} {noun}",
    "!Can you {verb} a {modifier} {noun} with the number {number}",
    "!Is it possible to {verb} this {noun} of my {modifier}",
    "!What about the {modifier} {noun} in the {room}"};

std::string Compose(std::string_view pattern, std::string_view verb, std::string_view modifier,
                    std::string_view noun) {
  return ReplaceSlot(ReplaceSlot(ReplaceSlot(pattern, "{verb}", verb), "{modifier}", modifier),
                     "{noun}", noun);
}

template <size_t count>
std::string ComposeAll(const std::string_view (&patterns)[count], std::string_view verb,
                       std::string_view modifier, std::string_view noun) {
  std::string all;
  for (const std::string_view pattern : patterns) {
    if (!all.empty()) all += '|';
    all += Compose(pattern, verb, modifier, noun);
  }
  return all;
}

std::vector<Capability> ToCapabilities() {
  std::vector<Capability> capabilities;
  for (const Row& row : kRows) {
    capabilities.push_back({row.domain, row.stem, row.descriptions, row.requests});
  }
  return capabilities;
}

}  // namespace

const std::vector<Capability>& Capabilities() {
  static const auto& capabilities = *new std::vector<Capability>(ToCapabilities());
  return capabilities;
}

Capability ComposeCapability(Random& random) {
  const std::string_view verb = random.Pick(kVerbs);
  const std::string modifier = Word("modifier", random);
  const std::string noun = Word("noun", random);
  return {noun, StrCat(verb, "_", modifier, "_", noun, "|", verb, "_", modifier),
          ComposeAll(kComposedDescriptions, verb, modifier, noun),
          ComposeAll(kComposedRequests, verb, modifier, noun)};
}

}  // namespace elm::pocket
