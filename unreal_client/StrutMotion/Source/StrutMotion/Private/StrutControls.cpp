#include "StrutControls.h"

#include "StrutModule.h"
#include "StrutSpace.h"
#include "strut/rig.h"

namespace StrutControls
{

namespace
{

void AddStyles(const TArray<FStrutStyleWeight>& Styles, std::vector<strut::StyleComponent>& Out)
{
    for (const FStrutStyleWeight& Style : Styles)
    {
        // A weight of 0 for all of them would be refused.
        if (!Style.Name.IsEmpty() && Style.Weight > 0.f)
        {
            Out.push_back({ToText(Style.Name), {}, Style.Weight, Style.Priority});
        }
    }
}

// Quantities of a scene by the contract's names.
std::optional<float>* FindQuantity(strut::SceneDescriptor& Scene, const std::string& Name)
{
    const std::pair<const char*, std::optional<float>*> Known[] = {
        {"slope", &Scene.slope},
        {"friction", &Scene.friction},
        {"compliance", &Scene.compliance},
        {"sink_depth", &Scene.sink_depth},
        {"roughness", &Scene.roughness},
        {"water_depth", &Scene.water_depth},
        {"snow_depth", &Scene.snow_depth},
        {"clearance", &Scene.clearance},
        {"footing_width", &Scene.footing_width},
        {"precipitation", &Scene.precipitation},
        {"visibility", &Scene.visibility},
        {"temperature", &Scene.temperature},
        {"ground_temperature", &Scene.ground_temperature},
        {"crowding", &Scene.crowding},
        {"platform_tilt", &Scene.platform_tilt},
        {"platform_period", &Scene.platform_period},
        {"step_height", &Scene.step_height},
    };
    for (const auto& [KnownName, Value] : Known)
    {
        if (Name == KnownName)
        {
            return Value;
        }
    }
    return nullptr;
}

} // namespace

std::string ToText(const FString& Text)
{
    return std::string(TCHAR_TO_UTF8(*Text));
}

std::shared_ptr<const strut::Content> MakeContent(const FStrutContent& Content)
{
    auto Made = std::make_shared<strut::Content>();
    Made->label = ToText(Content.Label);
    Made->text = ToText(Content.Text);
    if (Content.GestureSeconds > 0.f)
    {
        Made->gesture_duration = Content.GestureSeconds;
    }
    Made->gesture_hold = Content.bHoldGesture;
    return Made;
}

std::shared_ptr<const strut::StyleMix> MakeStyle(const FStrutStyle& Style)
{
    if (Style.Styles.IsEmpty() && Style.Parts.IsEmpty() && Style.Dimensions.IsEmpty())
    {
        return nullptr;
    }
    auto Made = std::make_shared<strut::StyleMix>();
    AddStyles(Style.Styles, Made->components);
    Made->strength = Style.Strength;
    for (const FStrutPartStyle& Part : Style.Parts)
    {
        if (Part.Part == EStrutBodyPart::None)
        {
            continue;
        }
        strut::PartStyle MadePart;
        MadePart.part = static_cast<strut::BodyPart>(Part.Part);
        AddStyles(Part.Styles, MadePart.components);
        MadePart.strength = Part.Strength;
        Made->parts.push_back(std::move(MadePart));
    }
    for (const TPair<FString, float>& Dimension : Style.Dimensions)
    {
        Made->dimensions.push_back({ToText(Dimension.Key), Dimension.Value});
    }
    return Made;
}

std::shared_ptr<const strut::Scene> MakeScene(const FStrutScene& Scene)
{
    if (Scene.Preset.IsEmpty() && Scene.Text.IsEmpty() && Scene.Quantities.IsEmpty())
    {
        return nullptr;
    }
    auto Made = std::make_shared<strut::Scene>();
    Made->preset = ToText(Scene.Preset);
    Made->text = ToText(Scene.Text);
    Made->alpha = Scene.Alpha;
    for (const TPair<FString, float>& Quantity : Scene.Quantities)
    {
        if (!Made->descriptor.has_value())
        {
            Made->descriptor.emplace();
        }
        if (std::optional<float>* Found = FindQuantity(*Made->descriptor, ToText(Quantity.Key)))
        {
            *Found = Quantity.Value;
        }
        else
        {
            UE_LOG(LogStrut, Warning, TEXT("Quantities: a scene has no quantity %s"), *Quantity.Key);
        }
    }
    return Made;
}

strut::Obstacle MakeObstacle(const FStrutObstacle& Obstacle)
{
    const strut::DVec3 Place = StrutSpace::ToPoint(Obstacle.Location);
    strut::Obstacle Made;
    Made.x = Place.x;
    Made.z = Place.z;
    Made.radius = 0.01f * Obstacle.Radius;
    // The contract's box has its depth along the direction that its heading faces, which is the actor's X.
    Made.width = 0.01f * static_cast<float>(Obstacle.Extent.Y);
    Made.depth = 0.01f * static_cast<float>(Obstacle.Extent.X);
    Made.heading = static_cast<float>(strut::yaw_to_heading(Obstacle.Yaw));
    if (Obstacle.Height > 0.f)
    {
        Made.top = Place.y + 0.01 * Obstacle.Height;
    }
    return Made;
}

std::shared_ptr<const std::vector<strut::Keyframe>> MakeKeyframes(const TArray<FStrutKeyframe>& Keyframes)
{
    if (Keyframes.IsEmpty())
    {
        return nullptr;
    }
    auto Made = std::make_shared<std::vector<strut::Keyframe>>();
    for (const FStrutKeyframe& Keyframe : Keyframes)
    {
        strut::JointTarget Target;
        if (!strut::joint_of_name(ToText(Keyframe.Joint), Target.joint))
        {
            UE_LOG(LogStrut, Warning, TEXT("Keyframes: %s is no joint of the canonical skeleton"), *Keyframe.Joint);
            continue;
        }
        Target.position = StrutSpace::ToPoint(Keyframe.Location);
        strut::Keyframe MadeFrame;
        MadeFrame.time = Keyframe.Time;
        MadeFrame.weight = Keyframe.Weight;
        MadeFrame.targets.push_back(Target);
        Made->push_back(std::move(MadeFrame));
    }
    std::stable_sort(Made->begin(), Made->end(),
                     [](const strut::Keyframe& A, const strut::Keyframe& B) { return A.time < B.time; });
    return Made;
}

} // namespace StrutControls
